"""Events that are known before the server has recorded them."""

from typing import Final

from durable_workflow._wire import names
from durable_workflow._wire.events import Event
from durable_workflow._wire.json_values import JsonObject

_TYPES: Final = (names.ACTIVITY_SCHEDULED, names.ACTIVITY_STARTED, names.ACTIVITY_COMPLETED)


def events_of_result(sequence: int, activity_type: str, result: JsonObject) -> list[Event]:
    """What an activity leaves in history that returns at its first attempt.

    Args:
        sequence: Position of the first of the events; it numbers the activity's step too.
        result: As an envelope.
    """
    step: JsonObject = {"sequence": sequence, "activity_type": activity_type}
    scheduled, started, completed = _TYPES
    return [
        Event(scheduled, step, sequence, sequence, None, None),
        Event(started, step, sequence, sequence + 1, None, None),
        Event(completed, {**step, "result": result}, sequence, sequence + 2, None, None),
    ]
