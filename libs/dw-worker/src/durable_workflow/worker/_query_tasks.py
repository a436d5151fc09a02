"""Query tasks: replay, call the query's handler, answer. Nothing is recorded in history.

The validation of an update before it is accepted (extension `update_validation`) is served in the
same way, because a validator only reads the state, too.
"""

import asyncio
import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from durable_workflow._kernel import Machine
from durable_workflow._kernel.queries import handler_table, replay_failed
from durable_workflow._kernel.receivers import RECEIVER_KINDS, ReceiverReader
from durable_workflow._meet import Unencodable
from durable_workflow._wire import names, reasons
from durable_workflow._wire.events import read_event
from durable_workflow._wire.json_values import JsonObject
from durable_workflow._wire.texts import failure_message
from durable_workflow.errors import AvroNotInstalledError, QueryFailed
from durable_workflow.worker._code_runs import CodeRun
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._contained import Ended, contained
from durable_workflow.worker._log import log
from durable_workflow.worker._machines import MachineCache, RunStart, unseen
from durable_workflow.worker._overruns import CodeInterrupted, CodeOverran
from durable_workflow.worker._payloads import Payloads, check_codec
from durable_workflow.worker._query_histories import codec_of, history_of
from durable_workflow.worker._replaying import Subject, replaying, start_machine
from durable_workflow.worker._reporting import (
    Failed,
    Reporter,
    failed_with,
    query_has_ended,
    reason_of,
)
from durable_workflow.worker._tasks import MalformedTask, QueryTask, read_query_task, sequence_of
from durable_workflow.worker._traces import whole_trace_text

# Events that follow from commands. A machine that was fed these alone has not moved. One that was
# fed others has, perhaps to a point where no task will ever be claimed.
_ECHOES = names.events_with(names.Trait.ECHO)
# Events that call handlers. Where these cannot make the code go on, they may be fed at any time.
_CALL_HANDLERS = names.events_with(names.Trait.CALLS_HANDLER)
_KERNEL_REASONS = frozenset({reasons.UNKNOWN_QUERY, reasons.STATE_UNAVAILABLE})
# The server then offers the query again, with the whole history.
_HISTORY_NEEDED = "query_history_needed"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a handler returned.

    Attributes:
        value: The value, possibly an awaitable.
        looks_at: The machine whose state the value may still refer to; it is closed afterwards.
    """

    value: Any
    looks_at: Machine | None = None


Outcome: TypeAlias = Answered | Failed


class QueryTasks:
    """Runs the query tasks of one worker, on whichever event loop asks."""

    def __init__(
        self,
        workflows: Mapping[str, type],
        *,
        payloads: Payloads,
        threads: CodeThreads,
        machines: MachineCache,
    ) -> None:
        self._workflows = workflows
        self._payloads = payloads
        self._threads = threads
        self._machines = machines

    async def execute(self, raw: JsonObject, reporter: Reporter) -> str:
        """Do a query task and report on it.

        Args:
            raw: The task as the server sent it.
            reporter: Reports through a client of the event loop that runs here.

        Returns:
            `completed`, `failed` or `expired`.
        """
        task = read_query_task(raw)
        outcome = await self._ask(task)
        machine = outcome.looks_at if isinstance(outcome, Answered) else None
        try:
            return await self._report(task, outcome, reporter)
        finally:
            if machine is not None:
                self._machines.let_go(machine)

    async def fail_unhandled(
        self, raw: JsonObject, error: BaseException, reporter: Reporter
    ) -> None:
        """Report an error that escaped from `execute`.

        Unreported, the caller would wait in vain.
        """
        log.error("unhandled error in query task %s", raw.get("query_task_id"), exc_info=error)
        try:
            task = read_query_task(raw)
        except MalformedTask:
            return  # it is not even known which task it is
        await reporter.fail_query_task(task, _rejected(error))

    async def _report(self, task: QueryTask, outcome: Outcome, reporter: Reporter) -> str:
        if isinstance(outcome, Answered):
            outcome = await self._awaited(outcome)
        if isinstance(outcome, Failed):
            await reporter.fail_query_task(task, outcome)
            return "expired" if outcome.reason == _HISTORY_NEEDED else "failed"
        return await self._complete(task, outcome.value, reporter)

    async def _complete(self, task: QueryTask, result: Any, reporter: Reporter) -> str:
        error = await reporter.complete_query_task(task, result)
        if error is None:
            return "completed"
        if query_has_ended(error):
            log.info("%s had ended: %s", task, error)
            return "expired"
        log.warning("completion of %s failed: %s", task, error)
        reason = reason_of(error) or "query_result_completion_failed"
        if isinstance(error, Unencodable):
            error, reason = error.error, "query_result_encode_failed"
        failed = failed_with(error, failure_message(error), whole_trace_text(error), reason=reason)
        await reporter.fail_query_task(task, failed)
        return "failed"

    async def _awaited(self, answered: Answered) -> Outcome:
        if not inspect.isawaitable(answered.value):
            return answered
        try:
            return _detached(await contained(answered.value), answered.looks_at)
        except Ended as ended:
            return _rejected(ended.error)
        except Exception as error:  # noqa: BLE001 - the handler's own, to be reported
            return _rejected(error)

    async def _ask(self, task: QueryTask) -> Outcome:
        try:
            check_codec(task.payload_codec)
        except ValueError as error:
            return _undecodable(error)
        workflow_class = self._workflows.get(task.workflow_type)
        if workflow_class is None:
            log.warning("no workflow registered for type %r: %s", task.workflow_type, task)
            return Failed(
                f"no workflow registered for type '{task.workflow_type}'",
                "WorkflowTypeNotRegistered",
                reason="query_workflow_type_not_registered",
            )
        asking: Callable[[CodeRun[Any]], Outcome] = lambda run: self._in_thread(  # noqa: E731
            run, task, workflow_class
        )
        try:
            return await asyncio.wrap_future(self._threads.submit(asking))
        except CodeOverran as error:
            log.error("%s was stopped: %s", task, error)
            return Failed(str(error), "CodeOverran", error.stack, reason=reasons.QUERY_REJECTED)

    # --- in a code thread -----------------------------------------------------------------

    def _in_thread(self, run: CodeRun[Any], task: QueryTask, workflow_class: type) -> Outcome:
        codec = codec_of(task)
        try:
            arguments = self._arguments(task, codec)
        except Exception as error:  # noqa: BLE001 - codecs and drivers raise what they like
            return _undecodable(error)
        events = history_of(task)
        try:
            answered = None
            if task.buffered_after is None:
                # A kept machine cannot undo events, so it is never fed what is not recorded yet.
                answered = self._ask_kept(run, task, events, arguments)
            if answered is not None:
                return answered
            if task.after_sequence:
                text = f"history is needed from its beginning, not after {task.after_sequence} only"
                return Failed(text, "HistoryNeeded", reason=_HISTORY_NEEDED)
            return self._ask_rebuilt(run, task, workflow_class, events, arguments)
        except AvroNotInstalledError as error:
            return _undecodable(error)
        except QueryFailed as error:
            return _refused(error)
        except Exception as error:  # noqa: BLE001 - the handler's own, to be reported
            return _rejected(error)

    def _arguments(self, task: QueryTask, codec: str | None) -> list[Any]:
        if task.update_name is None:
            return self._payloads.decode_arguments(task.query_arguments, codec)
        # As replay reads an accepted update: what is wrong with it is said with its name.
        reader = ReceiverReader(self._payloads.decode, codec, task.workflow_id, task.run_id)
        payload = {"arguments": task.query_arguments, "payload_codec": codec}
        kind = RECEIVER_KINDS[names.UPDATE_APPLIED]
        return reader.arguments(read_event({"payload": payload}), kind, task.update_name)

    def _ask_kept(
        self, run: CodeRun[Any], task: QueryTask, events: list[JsonObject], arguments: list[Any]
    ) -> Outcome | None:
        """Ask the kept machine, if there is one and it is, or can be brought, up to date."""
        start = RunStart.of(task.workflow_type, codec_of(task), task.workflow_arguments)
        kept = self._machines.take(task.run_id, start, certain=True)
        if kept is None:
            return None
        machine = kept.machine
        new = unseen(
            events, machine.last_sequence, after=task.after_sequence, last=task.last_sequence
        )
        if new is None or not _may_be_fed(machine, {str(e.get("event_type")) for e in new}):
            self._machines.put(task.run_id, kept)
            return None
        with self._machines.using(machine) as use, replaying(run, new):
            if new:
                try:
                    machine.feed(new)
                except Exception as error:  # noqa: BLE001 - the rebuilt machine says what it is
                    log.debug("kept machine is dropped for %s: %s", task, error)
                    return None
            if not kept.is_usable:
                return None
            if task.update_name is not None and machine.pending_updates:
                use.stays = True
                self._machines.put(task.run_id, kept)
                return None
            before = machine.state_mark
            try:
                outcome = _put_question(machine, task, arguments)
                use.stays = isinstance(outcome, Answered) and outcome.looks_at is not None
                return outcome
            finally:
                # A handler that changed the state changed it for itself alone: history knows
                # nothing of it, so the workflow must not go on with it.
                if not use.stays and machine.state_mark == before:
                    use.stays = True
                    self._machines.put(task.run_id, kept)

    def _ask_rebuilt(
        self,
        run: CodeRun[Any],
        task: QueryTask,
        workflow_class: type,
        events: list[JsonObject],
        arguments: list[Any],
    ) -> Outcome:
        codec = codec_of(task)
        try:
            start = self._payloads.decode_arguments(task.workflow_arguments, codec)
        except Exception as error:  # noqa: BLE001 - codecs and drivers raise what they like
            return _undecodable(error)
        subject = Subject(workflow_class, task.workflow_id, task.run_id, codec, silent=True)
        failing: set[str] = set()
        while True:
            machine = start_machine(subject, start, self._payloads)
            with self._machines.using(machine) as use, replaying(run, events):
                failed = _bring_up_to_date(machine, task, events, failing)
                if failed is None:
                    outcome = _put_question(machine, task, arguments)
                    use.stays = isinstance(outcome, Answered) and outcome.looks_at is not None
                    return outcome
            failing.add(failed)


def _bring_up_to_date(
    machine: Machine, task: QueryTask, events: list[JsonObject], failing: set[str]
) -> str | None:
    """Feed a rebuilt machine everything that was acknowledged before the query was sent.

    For a validator, the updates that were accepted before its own are applied, too.

    Args:
        failing: Pending updates to leave out.

    Returns:
        A pending update that failed, so that the machine is of no use; None where all is well.

    Raises:
        QueryFailed: The replay did not reach a state.
    """
    recorded, buffered = _split(events, task.buffered_after)
    try:
        machine.feed(recorded)
        if buffered:
            machine.feed(buffered, decided=True)
        if task.update_name is not None:
            for update_id in machine.pending_updates:
                machine.require_state()
                if update_id not in failing and not machine.foresee_update(update_id):
                    return update_id
    except (AvroNotInstalledError, QueryFailed):
        raise
    except Exception as error:
        raise replay_failed(error) from error
    return None


def _split(
    events: list[JsonObject], buffered_after: int | None
) -> tuple[list[JsonObject], list[JsonObject]]:
    """The recorded events, and those that will be recorded when the run's leased task ends."""
    if buffered_after is None:
        return events, []
    count = sum((sequence_of(event) or 0) <= buffered_after for event in events)
    return events[:count], events[count:]


def _may_be_fed(machine: Machine, event_types: set[str]) -> bool:
    """Whether a kept machine may take events that no task has brought."""
    if machine.spent and names.UPDATE_APPLIED not in event_types:
        return False  # it shows an update that nobody has acknowledged yet
    return event_types <= (_ECHOES | _CALL_HANDLERS if machine.needs_outcomes else _ECHOES)


def _put_question(machine: Machine, task: QueryTask, arguments: list[Any]) -> Outcome:
    if task.update_name is None:
        return _detached(machine.query(task.query_name, arguments), machine)
    return _validate(machine, task.update_name, arguments)


def _validate(machine: Machine, name: str, arguments: list[Any]) -> Outcome:
    """Ask a validator: what it raises, or that it returns False, rejects the update."""
    if name not in handler_table(machine.instance, "__workflow_updates__"):
        return Failed(f"unknown update '{name}'", "UnknownUpdate", reason="update_rejected")
    machine.require_state()
    try:
        machine.validate(name, arguments)
    except CodeInterrupted:
        raise  # it did not refuse: it was stopped
    except BaseException as error:  # noqa: BLE001 - the validator's own, to be reported
        message = failure_message(error)
        return failed_with(error, message, whole_trace_text(error), reason="update_rejected")
    return Answered({"accepted": True})


def _detached(value: Any, machine: Machine | None) -> Answered:
    """A copy of an answer, or the answer with the machine that it refers to.

    A handler may return a list of the workflow's state, and the run's next task could change it in
    another thread while it is encoded. If it cannot be copied, as an awaitable that has not run
    yet, the machine is reserved for it.
    """
    try:
        return Answered(copy.deepcopy(value))
    except Exception:  # noqa: BLE001 - users' objects raise what they like
        return Answered(value, machine)


def _undecodable(error: BaseException) -> Failed:
    log.error("query payload cannot be decoded", exc_info=error)
    return failed_with(
        error, failure_message(error), whole_trace_text(error), reason="query_payload_decode_failed"
    )


def _rejected(error: BaseException) -> Failed:
    message = failure_message(error)
    return failed_with(error, message, whole_trace_text(error), reason=reasons.QUERY_REJECTED)


def _refused(error: QueryFailed) -> Failed:
    """A `QueryFailed` of the kernel, which has one of its reasons, or of the handler."""
    reason = error.reason if error.reason in _KERNEL_REASONS else reasons.QUERY_REJECTED
    return failed_with(error, failure_message(error), whole_trace_text(error), reason=reason)
