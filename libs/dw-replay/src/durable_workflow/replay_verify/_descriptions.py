"""Commands and recorded steps in words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from durable_workflow._kernel.kinds import KINDS
from durable_workflow._kernel.steps import Step, WaitStep
from durable_workflow._wire.events import Event, read_event, text
from durable_workflow.workflow import (
    Command,
    CompleteWorkflow,
    ContinueAsNew,
    FailWorkflow,
    RecordVersionMarker,
    ScheduleActivity,
    StartTimer,
    WaitCondition,
)

# Of a step with many heartbeats the first ones tell enough.
_MOST_EVENTS: Final = 12


def shape_of(command: Command | None) -> str:
    """The word that non-determinism errors use for a command."""
    kind = KINDS.get(type(command))
    if kind is not None:
        return kind.shape
    return "fail workflow" if isinstance(command, FailWorkflow) else "complete workflow"


def detail_of(command: Command | None) -> str | None:
    """What besides its kind must be the same in every replay: a type, a change id, a key."""
    if isinstance(command, WaitCondition):
        return command.condition_key
    kind = KINDS.get(type(command))
    return kind.asked_detail(command) if kind is not None else None


def detail_of_step(step: Step) -> str | None:
    """The same of a recorded step."""
    return step.key if isinstance(step, WaitStep) else step.detail


def is_of(step: Step, command: Command | None) -> bool:
    """Whether a recorded step may be of a command: same kind, and no other detail."""
    if step.kind is not KINDS.get(type(command)):
        return False
    recorded, asked = detail_of_step(step), detail_of(command)
    return recorded is None or asked is None or recorded == asked


def describe_command(command: Command | None) -> str:
    """A command in words, as in "the code asks for ..."."""
    match command:
        case None:
            return "nothing more: it returned"
        case CompleteWorkflow():
            return "the end of the workflow: it returned"
        case FailWorkflow(message=message, exception_type=exception_type):
            return f"the failure of the workflow: {exception_type or 'Exception'}: {message}"
        case ContinueAsNew():
            return "to continue as new"
        case ScheduleActivity(activity_type=name, arguments=arguments):
            return f"activity {name!r} with {_count(len(arguments), 'argument')}"
        case StartTimer(delay_seconds=seconds):
            return f"timer of {seconds} s"
        case RecordVersionMarker(change_id=change_id):
            return f"version marker {change_id!r}"
        case _:
            return _named(shape_of(command), detail_of(command))


def describe_step(step: Step) -> str:
    """A recorded step in words, as in "history has ..."."""
    return _named(step.kind.shape, detail_of_step(step))


def events_of(step: Step, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The recorded events about a step: sequence, type and time of each."""
    found: list[dict[str, Any]] = []
    for record in events:
        event = read_event(record)
        if event.event_type in step.event_types and _is_about(event, step):
            found.append(
                {
                    "sequence": event.sequence,
                    "event_type": event.event_type,
                    "recorded_at": event.time,
                }
            )
            if len(found) == _MOST_EVENTS:
                break
    return found


def _is_about(event: Event, step: Step) -> bool:
    if isinstance(step, WaitStep):
        return text(event.payload, "condition_wait_id") == step.wait_id
    return step.sequence is not None and event.workflow_sequence == step.sequence


def _named(shape: str, detail: str | None) -> str:
    return shape if detail is None else f"{shape} {detail!r}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
