"""Workflow tasks: from a history to commands.

The event loop fetches and reports. Everything that may run user code, from the constructor of the
workflow to the encoding of what it returned, is one call, which `LoopCode` makes on the loop or in
a code thread.
"""

import json
import logging
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from durable_workflow._kernel import Machine
from durable_workflow._kernel.updates import failed_update
from durable_workflow._wire.json_values import JsonObject, text_or_none
from durable_workflow._wire.names import TERMINAL_COMMAND_TYPES
from durable_workflow._wire.texts import error_text
from durable_workflow.worker._code_runs import Run
from durable_workflow.worker._completions import (
    completes_update,
    counted_by_type,
    log_passed,
    name_wait,
    passed_signal,
)
from durable_workflow.worker._failed_runs import log_failed_replay, mismatched, note_failure
from durable_workflow.worker._histories import Histories, HistoryUnavailable
from durable_workflow.worker._limits import CompletionTooLarge, Limits
from durable_workflow.worker._log import log
from durable_workflow.worker._loop_code import LoopCode
from durable_workflow.worker._machines import Kept, MachineCache, RunStart, unseen
from durable_workflow.worker._overruns import CodeOverran
from durable_workflow.worker._payloads import Payloads, check_codec
from durable_workflow.worker._replaying import Subject, replaying, start_machine
from durable_workflow.worker._reporting import (
    Failed,
    Reporter,
    failed_with,
    is_ambiguous,
    is_refused,
)
from durable_workflow.worker._tasks import ActivityTask, WorkflowTask, read_workflow_task
from durable_workflow.worker._traces import whole_trace_text
from durable_workflow.workflow import FailWorkflow

_LOGGED_TASK_CHARACTERS = 2000
# The log has all bad signals. A completion has only some, to stay within the server's limits.
_MOST_NOTED = 100


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of a replay: commands in wire form, and the machine if it can be kept."""

    commands: list[JsonObject]
    kept: Kept | None


class NotForeseen(Exception):
    """What a run does behind a result is left to its task, and its machine is gone."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a run does once it has a result that is not recorded yet.

    Attributes:
        workflow_type: The run's.
        events: How many its history has.
        after: Position of the last event that its machine was fed before.
        commands: In wire form.
        keeps_history: Whether the machine is kept.
    """

    workflow_type: str
    events: int
    after: int
    commands: list[JsonObject]
    keeps_history: bool


class _Outdated:
    """The kept machine does not fit the history; the history itself decides."""


Outcome: TypeAlias = Decided | Failed


class WorkflowTasks:
    """Runs the workflow tasks of one worker."""

    def __init__(
        self,
        workflows: Mapping[str, type],
        *,
        payloads: Payloads,
        code: LoopCode,
        machines: MachineCache,
        reporter: Reporter,
        histories: Histories,
        keeps_history: Callable[[], bool],
        limits: Callable[[], Limits],
        names_waits: Callable[[], bool],
        notes_signals: Callable[[], bool],
    ) -> None:
        self._workflows = workflows
        self._payloads = payloads
        self._code = code
        self._machines = machines
        self._reporter = reporter
        self._histories = histories
        self._keeps_history = keeps_history
        self._limits = limits
        self._names_waits = names_waits
        self._notes_signals = notes_signals
        # Types whose decisions need the time that only a task brings.
        self._asks_time: set[type] = set()

    async def execute(self, raw: JsonObject) -> list[JsonObject] | None:
        """Do a workflow task and report on it.

        Args:
            raw: The task as the server sent it.

        Returns:
            The commands, or None when the task was failed.
        """
        if log.isEnabledFor(logging.DEBUG):
            log.debug("workflow task: %s", json.dumps(raw, default=str)[:_LOGGED_TASK_CHARACTERS])
        task = read_workflow_task(raw)
        log.info("starting %s of %s", _kind_of(task), task)
        outcome = await self._decide(task)
        if isinstance(outcome, Failed):
            await self._fail(task, outcome)
            return None
        return await self._complete(task, outcome)

    async def foresee(
        self, activity: ActivityTask, result: JsonObject, claim: str
    ) -> Foreseen | None:
        """Feed the kept machine of a run the result of its activity, and decide.

        Args:
            activity: The activity, whose result is not recorded yet.
            result: As an envelope.
            claim: Under which the machine is kept until it is known whether the decision counts.

        Returns:
            None where there is no machine that waits for this result alone, or its code does not
            run on the loop.

        Raises:
            Exception: There is none that can go along with the result; the machine is dropped.
        """
        kept = self._machines.take_for_result(activity.run_id)
        if kept is None:
            return None
        workflow_class = self._workflows.get(kept.start.workflow_type)
        events: list[JsonObject] | None = None
        if workflow_class not in self._asks_time and kept.decided_at <= activity.came_at:
            events = kept.machine.foresee(activity.activity_type, result)
        after, limits = kept.machine.last_sequence, self._limits()
        if (
            workflow_class is None
            or events is None
            or not limits.has_room
            or not self._code.runs_here(workflow_class, events)
        ):
            self._machines.put(activity.run_id, kept, kept.claim, is_ahead=kept.is_ahead)
            return None
        task = _foreseen_task(activity, kept.start)
        decided = await self._code.run(
            workflow_class, events, lambda run: self._go_ahead(run, task, kept, events)
        )
        if decided is None:
            raise NotForeseen
        if decided.kept is not None:
            decided.kept.decided_at = time.monotonic()
            self._machines.put(activity.run_id, decided.kept, claim, is_ahead=True)
        keeps_history = decided.kept is not None and self._keeps_history()
        return Foreseen(
            task.workflow_type,
            kept.machine.event_count,
            after,
            decided.commands,
            keeps_history,
        )

    async def fail_unhandled(self, raw: JsonObject, error: BaseException) -> None:
        """Report an error that escaped from `execute`, before the lease of the task ends."""
        log.error("unhandled error in workflow task %s", raw.get("task_id"), exc_info=error)
        task_id, attempt = raw.get("task_id"), raw.get("workflow_task_attempt")
        if isinstance(task_id, str) and task_id:
            failed = failed_with(
                error,
                f"unhandled workflow task execution error: {error_text(error)}",
                whole_trace_text(error),
            )
            await self._reporter.fail_workflow_task(
                task_id,
                attempt if isinstance(attempt, int) else 1,
                failed,
                claim=text_or_none(raw.get("claim")),
            )

    def settle(self, raw: JsonObject) -> None:
        """A task is over, whatever came of it."""
        if (claim := text_or_none(raw.get("claim"))) is not None:
            self._machines.settle(claim)

    async def _complete(self, task: WorkflowTask, decided: Decided) -> list[JsonObject] | None:
        commands, kept = decided.commands, decided.kept
        if log.isEnabledFor(logging.INFO):
            log.info("completing %s of %s: %s", _kind_of(task), task, counted_by_type(commands))
        if kept is not None:
            kept.decided_at = time.monotonic()
            # Before the completion: the run's next task may arrive before its answer does.
            self._machines.put(task.run_id, kept, task.claim)
        error = await self._reporter.complete_workflow_task(
            task.task_id,
            task.attempt,
            commands,
            keep_history=kept is not None and self._keeps_history(),
            claim=task.claim,
        )
        if error is None:
            if task.claim is not None:
                self._machines.confirm(task.run_id, task.claim)
            return commands
        self._machines.drop(task.run_id)
        log.warning("completion of task %s of %s failed: %s", task.task_id, task, error)
        if is_ambiguous(error):
            return commands
        if task.update_id is not None and is_refused(error) and completes_update(commands):
            # The server refuses this result, and would refuse it again.
            what = "update result was refused"
            return await self._complete(
                task, self._update_failed(task, task.update_id, what, error)
            )
        failed = failed_with(
            error,
            f"workflow task completion failed after commands were produced: {error}",
            whole_trace_text(error),
        )
        await self._fail(task, failed)
        return None

    async def _fail(self, task: WorkflowTask, failed: Failed) -> None:
        await self._reporter.fail_workflow_task(
            task.task_id, task.attempt, failed, claim=task.claim
        )

    # --- deciding -------------------------------------------------------------------------

    async def _decide(self, task: WorkflowTask) -> Outcome:
        try:
            check_codec(task.payload_codec)
        except ValueError as error:
            return undecodable_input(task.payload_codec, error)
        workflow_class = self._workflows.get(task.workflow_type)
        if workflow_class is None:
            log.warning(
                "no workflow registered for type %r: %s; this worker has %s",
                task.workflow_type,
                task,
                ", ".join(sorted(self._workflows)) or "none",
            )
            return Failed(f"no workflow registered for type '{task.workflow_type}'")
        try:
            return await self._replay(task, workflow_class)
        except HistoryUnavailable as error:
            return failed_with(
                error, f"workflow history is incomplete: {error}", whole_trace_text(error)
            )
        except CodeOverran as error:
            log.error("task %s of %s was stopped: %s", task.task_id, task, error)
            return failed_with(error, f"replay failed: {error}", error.stack)
        except CompletionTooLarge as error:
            log.error("task %s of %s is too large to complete: %s", task.task_id, task, error)
            return failed_with(
                error, f"workflow task cannot be completed: {error}", whole_trace_text(error)
            )

    async def _replay(self, task: WorkflowTask, workflow_class: type) -> Outcome:
        events = await self._histories.brought(task)
        kept = self._machines.take(task.run_id, _start_of(task))
        if kept is not None and kept.is_ahead:
            # It was fed a result that history may not have, at a time that it does not know.
            self._machines.let_go(kept.machine)
            kept = None
        if kept is not None:
            machine = kept.machine
            new = unseen(
                events, machine.last_sequence, after=task.after_sequence, last=task.last_sequence
            )
            if new is not None:
                went_on = await self._code.run(
                    workflow_class, new, lambda run: self._go_on(run, task, kept, new)
                )
                if not isinstance(went_on, _Outdated):
                    return went_on
            else:
                self._machines.let_go(machine)
            del kept, machine
        task, events = await self._histories.whole(task, events)
        return await self._code.run(
            workflow_class,
            events,
            lambda run: self._rebuild(run, task, workflow_class, events),
        )

    # --- where workflow code runs ---------------------------------------------------------

    def _go_on(
        self,
        run: Run[Any],
        task: WorkflowTask,
        kept: Kept,
        new: list[JsonObject],
    ) -> Outcome | _Outdated:
        """Feed a kept machine the new events. If that fails only the machine is dropped."""
        machine = kept.machine
        with self._machines.using(machine) as use:
            try:
                with replaying(run, new):
                    machine.feed(new)
                    if machine.stale or machine.mismatched:
                        return _Outdated()
                    commands = self._commands(task, machine)
            except Exception as error:  # noqa: BLE001 - the rebuilt machine says what it is
                log.debug("kept machine of %s is dropped: %s", task, error)
                return _Outdated()
            decided = self._decided(task, kept, commands)
            use.stays = decided.kept is not None
        return decided

    def _go_ahead(
        self, run: Run[Any], task: WorkflowTask, kept: Kept, foreseen: list[JsonObject]
    ) -> Decided | None:
        """Feed a kept machine foreseen events; what it decides, if that can go along with them.

        That the run fails is left to a task: it is logged, and should be so once.
        """
        machine = kept.machine
        with self._machines.using(machine) as use:
            with replaying(run, foreseen):
                if not machine.feed_foreseen(foreseen):
                    self._asks_time.add(self._workflows[task.workflow_type])
                    return None
                commands = self._commands(task, machine)
            if not commands or any(isinstance(each, FailWorkflow) for each in commands):
                return None
            decided = self._decided(task, kept, commands)
            self._limits().check_beside(decided.commands)
            use.stays = decided.kept is not None
        return decided

    def _rebuild(
        self, run: Run[Any], task: WorkflowTask, workflow_class: type, events: list[JsonObject]
    ) -> Outcome:
        """Replay the whole history."""
        try:
            arguments = self._payloads.decode_arguments(task.arguments, task.payload_codec)
        except Exception as error:  # noqa: BLE001 - codecs and drivers raise what they like
            return undecodable_input(task.payload_codec, error)
        subject = Subject(workflow_class, task.workflow_id, task.run_id, task.payload_codec)
        machine = start_machine(subject, arguments, self._payloads)
        with self._machines.using(machine) as use:
            outcome = self._replay_whole(run, task, machine, events)
            use.stays = isinstance(outcome, Decided) and outcome.kept is not None
        return outcome

    def _replay_whole(
        self, run: Run[Any], task: WorkflowTask, machine: Machine, events: list[JsonObject]
    ) -> Outcome:
        try:
            with replaying(run, events):
                machine.feed(events)
                commands = self._commands(task, machine)
        except Exception as error:  # noqa: BLE001 - the task fails with it
            log_failed_replay(task, error)
            if task.update_id is not None:
                # An update gets an answer also if the replay of its run failed.
                what = "workflow replay failed before update"
                return self._update_failed(task, task.update_id, what, error)
            return failed_with(error, f"replay failed: {error_text(error)}", traceback.format_exc())
        if machine.mismatched and task.update_id is None:
            return mismatched(task, commands[0])
        return self._decided(task, Kept(machine, _start_of(task)), commands)

    def _commands(self, task: WorkflowTask, machine: Machine) -> list[Any]:
        if task.update_id is not None:
            return [machine.apply_update(task.update_id)]
        commands: list[Any] = list(machine.commands())
        if machine.advice is not None:
            # Added here, because the message of `replay` is a specified text.
            [failure] = commands
            commands = [replace(failure, message=f"{failure.message} ({machine.advice})")]
        return commands

    def _update_failed(
        self, task: WorkflowTask, update_id: str, what: str, error: Exception
    ) -> Decided:
        update = failed_update(update_id, what, error)
        return Decided(self._wire([update], task), None)

    def _decided(self, task: WorkflowTask, kept: Kept, commands: list[Any]) -> Decided:
        try:
            wire = self._wire(commands, task)
        except Exception as error:
            if task.update_id is None:
                raise
            # If the task failed it would be retried for ever. So the update fails: its handler is
            # at fault.
            too_large = isinstance(error, CompletionTooLarge)
            what = f"update result {'is too large' if too_large else 'cannot be encoded'}"
            log.exception("update %s of %s: %s", task.update_id, task, what)
            return self._update_failed(task, task.update_id, what, error)
        passed = log_passed(task, kept.machine)
        if self._notes_signals():
            wire = [*map(passed_signal, passed[:_MOST_NOTED]), *wire]
        note_failure(task, kept.machine, wire, with_trace=self._names_waits())
        if task.update_id is None and self._names_waits():
            name_wait(wire, kept.machine.open_wait_id)
        ends = any(command.get("type") in TERMINAL_COMMAND_TYPES for command in wire)
        if ends or not self._machines.enabled or not kept.is_usable:
            return Decided(wire, None)
        kept.measure()
        return Decided(wire, kept)

    def _wire(self, commands: list[Any], task: WorkflowTask) -> list[JsonObject]:
        """Commands as they are sent.

        Raises:
            CompletionTooLarge: The server would not take them.
        """
        wire = self._payloads.encode_commands(commands, task)
        limits = self._limits()
        limits.shorten_messages(wire)
        limits.check(wire)
        return wire


def undecodable_input(codec: str | None, error: Exception) -> Failed:
    """The failure of a task whose start input cannot be decoded."""
    log.error("cannot decode workflow start input", exc_info=error)
    return failed_with(
        error,
        f"cannot decode workflow start input with codec '{codec}': {error}. "
        "Check that the run was started with a codec that this worker speaks.",
        whole_trace_text(error),
    )


def _kind_of(task: WorkflowTask) -> str:
    return "task" if task.update_id is None else "update"


def _foreseen_task(activity: ActivityTask, start: RunStart) -> WorkflowTask:
    """The task that would bring the result of an activity, as far as a decision needs it."""
    return WorkflowTask(
        task_id="",
        attempt=1,
        workflow_type=start.workflow_type,
        workflow_id=activity.workflow_id,
        run_id=activity.run_id,
        events=[],
        next_page_token=None,
        arguments=None,
        payload_codec=start.codec or activity.payload_codec,
        update_id=None,
        last_sequence=None,
        after_sequence=None,
        full_history_token=None,
        says_arguments=False,
    )


def _start_of(task: WorkflowTask) -> RunStart:
    if not task.says_arguments:
        return RunStart(task.workflow_type, task.payload_codec, None)
    return RunStart.of(task.workflow_type, task.payload_codec, task.arguments)
