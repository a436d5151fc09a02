"""Runs that fail because their code raised: a log line, and the trace for the run's failure."""

from typing import Any

from durable_workflow._kernel import Machine
from durable_workflow._wire.json_values import JsonObject
from durable_workflow._wire.names import FAIL_WORKFLOW
from durable_workflow.worker._limits import shortened
from durable_workflow.worker._log import log
from durable_workflow.worker._tasks import WorkflowTask
from durable_workflow.worker._traces import users_trace, users_trace_text

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
