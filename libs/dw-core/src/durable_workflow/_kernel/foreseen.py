"""Events that are known before the server has recorded them."""

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject


def events_of_result(sequence: int, activity_type: str, result: JsonObject) -> list[JsonObject]:
    """What an activity leaves in history that returns at its first attempt.

    Args:
        sequence: Position of the first of the events; it numbers the activity's step too.
        result: As an envelope.
    """
    step: JsonObject = {"sequence": sequence, "activity_type": activity_type}
    ended = step | {"result": result}
    payloads = {
        names.ACTIVITY_SCHEDULED: step,
        names.ACTIVITY_STARTED: step,
        names.ACTIVITY_COMPLETED: ended,
    }
    return [
        {"event_type": event_type, "sequence": sequence + offset, "payload": payload}
        for offset, (event_type, payload) in enumerate(payloads.items())
    ]
