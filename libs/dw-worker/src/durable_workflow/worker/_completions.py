"""What the completion of a workflow task asks for, and what is added to it."""

import logging
from collections import Counter

from durable_workflow._kernel import Machine
from durable_workflow._kernel.handlers import PassedSignal
from durable_workflow._wire.json_values import JsonObject
from durable_workflow._wire.names import (
    COMPLETE_UPDATE,
    OPEN_CONDITION_WAIT,
    PASS_SIGNAL,
    SCHEDULE_ACTIVITY,
)
from durable_workflow.worker._log import log
from durable_workflow.worker._tasks import WorkflowTask


def completes_update(commands: list[JsonObject]) -> bool:
    """Whether a completion has the result of an update."""
    return any(command.get("type") == COMPLETE_UPDATE for command in commands)


def counted_by_type(commands: list[JsonObject]) -> str:
    """What a completion asks for, as in `2 schedule_activity, start_timer`."""
    types = Counter(str(command.get("type")) for command in commands)
    return (
        ", ".join(each if count == 1 else f"{count} {each}" for each, count in types.items())
        or "no command"
    )


def log_passed(task: WorkflowTask, machine: Machine) -> list[PassedSignal]:
    """Log the signals that were not applied, once for each machine."""
    passed = machine.take_passed_signals()
    for signal in passed:
        if signal.has_handler:
            level, why = logging.ERROR, f"its arguments do not fit: {signal.reason}"
        else:
            level, why = logging.WARNING, signal.reason
        log.log(level, "signal %r of %s was not applied: %s", signal.name, task, why)
    return passed


def passed_signal(signal: PassedSignal) -> JsonObject:
    """The command that records that a signal was not applied."""
    return {
        "type": PASS_SIGNAL,
        "signal_name": signal.name,
        "signal_sequence": signal.sequence,
        "message": signal.reason,
    }


def name_wait(commands: list[JsonObject], open_wait_id: str | None) -> None:
    """Put the id of the open wait into the command, if it is the same wait (worker-protocol 7.2).

    Without the id a server opens the wait again at each wake-up, and its timeout begins again.
    """
    for command in commands:
        if command.get("type") == OPEN_CONDITION_WAIT:
            command["condition_wait_id"] = open_wait_id


def schedules_activity(commands: list[JsonObject] | None) -> bool:
    """Whether a completion scheduled an activity."""
    return any(command.get("type") == SCHEDULE_ACTIVITY for command in commands or ())
