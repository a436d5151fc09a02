"""Runs that fail because their code raised: a log line, and the trace for the run's failure."""

import traceback
from types import TracebackType
from typing import Any

import durable_workflow
from durable_workflow._kernel import Machine
from durable_workflow._wire.json_values import JsonObject
from durable_workflow._wire.names import FAIL_WORKFLOW
from durable_workflow.worker._limits import shortened
from durable_workflow.worker._log import log
from durable_workflow.worker._tasks import WorkflowTask

# It is stored with the run, in its history and in its description.
_TRACE_BYTES = 8 * 1024
_OURS = tuple(durable_workflow.__path__)


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
            trace = _theirs(error.__traceback__)
            exc_info: Any = (type(error), error, trace)
            log.error("%s failed", task, exc_info=exc_info)
            if with_trace:
                text = "".join(traceback.format_exception(type(error), error, trace))
                command["stack_trace"] = shortened(text.replace("\0", "\\x00"), _TRACE_BYTES)


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    """The trace from where the user's code begins; all of it where none of that code is in it."""
    found = trace
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_OURS):
        found = found.tb_next
    return trace if found is None else found
