"""Runs and replays that fail: log lines, the trace of a run, the failure of a task."""

from typing import Any

from durable_workflow._kernel import Machine
from durable_workflow._wire.json_values import JsonObject
from durable_workflow._wire.names import FAIL_WORKFLOW
from durable_workflow.errors import ArgumentMismatch
from durable_workflow.worker._limits import shortened
from durable_workflow.worker._log import log
from durable_workflow.worker._reporting import Failed
from durable_workflow.worker._tasks import WorkflowTask
from durable_workflow.worker._traces import users_trace, users_trace_text
from durable_workflow.workflow import FailWorkflow, InvalidWorkflowDefinition

# It is stored with the run, in its history and in its description.
_TRACE_BYTES = 8 * 1024


def note_failure(
    task: WorkflowTask, machine: Machine, commands: list[JsonObject], *, with_trace: bool
) -> None:
    """Log that a run fails because its code raised, and put the trace into the command.

    Args:
        task: The workflow task.
        machine: What replayed the run.
        commands: In wire form.
        with_trace: Whether the server takes the trace.
    """
    error = machine.error
    if error is None:
        return
    for command in commands:
        if command.get("type") == FAIL_WORKFLOW:
            exc_info: Any = (type(error), error, users_trace(error))
            log.error("%s failed", task, exc_info=exc_info)
            if with_trace:
                text = users_trace_text(error).replace("\0", "\\x00")
                command["stack_trace"] = shortened(text, _TRACE_BYTES)


def log_failed_replay(task: WorkflowTask, error: Exception) -> None:
    """Log why a task fails; the trace begins with the code that raised."""
    # Where no code of the user's is at fault in some line, the text says all.
    if isinstance(error, ArgumentMismatch | InvalidWorkflowDefinition):
        log.error("replay of %s failed: %s", task, error)
    else:
        exc_info: Any = (type(error), error, users_trace(error))
        log.error("replay of %s failed", task, exc_info=exc_info)


def mismatched(task: WorkflowTask, failure: FailWorkflow) -> Failed:
    """The failure of a task whose run would fail because other code was deployed under it.

    Failing the run is what `replay` says. A run that has failed cannot be saved by rolling the
    code back, one whose task fails can.
    """
    log.error("replay of %s failed: %s", task, failure.message)
    return Failed(
        f"replay failed: {failure.message}. The run stays open: keep the keys and predicates of "
        "waits, and the handlers of updates, stable across deployments or run this workflow on a "
        "compatible build.",
        failure.exception_type,
    )
