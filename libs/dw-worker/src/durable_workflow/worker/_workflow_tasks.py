"""Workflow tasks: from a history to commands.

The event loop fetches and reports. What may run user code is one call of `Decisions`.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping

from durable_workflow._wire.json_values import JsonObject, text_or_none
from durable_workflow._wire.texts import error_text
from durable_workflow.worker._completions import completes_update, counted_by_type
from durable_workflow.worker._decisions import (
    Decided,
    Decisions,
    Outcome,
    Outdated,
    start_of,
    undecodable_input,
)
from durable_workflow.worker._histories import Histories, HistoryUnavailable
from durable_workflow.worker._limits import CompletionTooLarge
from durable_workflow.worker._log import log
from durable_workflow.worker._loop_code import LoopCode
from durable_workflow.worker._machines import MachineCache, unseen
from durable_workflow.worker._overruns import CodeOverran
from durable_workflow.worker._payloads import check_codec
from durable_workflow.worker._reporting import (
    Failed,
    Reporter,
    failed_with,
    is_ambiguous,
    is_refused,
)
from durable_workflow.worker._tasks import WorkflowTask, read_workflow_task
from durable_workflow.worker._traces import whole_trace_text

_LOGGED_TASK_CHARACTERS = 2000


class WorkflowTasks:
    """Runs the workflow tasks of one worker."""

    def __init__(
        self,
        workflows: Mapping[str, type],
        *,
        code: LoopCode,
        decisions: Decisions,
        machines: MachineCache,
        reporter: Reporter,
        histories: Histories,
        keeps_history: Callable[[], bool],
    ) -> None:
        self._workflows = workflows
        self._code = code
        self._decisions = decisions
        self._machines = machines
        self._reporter = reporter
        self._histories = histories
        self._keeps_history = keeps_history

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
            self._machines.put(task.run_id, kept, task.claim, measured_soon=True)
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
                task, self._decisions.update_failed(task, task.update_id, what, error)
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
        start = start_of(task)
        kept = self._machines.take(task.run_id, start)
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
                    workflow_class, new, lambda run: self._decisions.go_on(run, task, kept, new)
                )
                if not isinstance(went_on, Outdated):
                    return went_on
            else:
                self._machines.let_go(machine)
            del kept, machine
        sent = task
        task, events = await self._histories.whole(task, events)
        if task is not sent:  # it says now what its run was started with
            start = start_of(task)
        return await self._code.run(
            workflow_class,
            events,
            lambda run: self._decisions.rebuild(run, task, start, workflow_class, events),
        )


def _kind_of(task: WorkflowTask) -> str:
    return "task" if task.update_id is None else "update"
