"""The one reader of history records: a JSON object in, an `Event` out.

Readers accept both spellings of a key where servers and history exports differ. Unknown keys are
ignored; absent and null mean the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.json_values import integer_or_none, is_object


@dataclass(slots=True)
class Event:
    """One record of a run's history. Nobody changes it.

    It is not frozen: a replay makes one of each record, which would take four times as long.

    Attributes:
        event_type: As spelled in `_wire.names`, or an unknown word.
        payload: The event's own object; empty where the record has none.
        workflow_sequence: Number of the yielded command that it is about, or None.
        sequence: Position in the history, or None.
        event_id: Unique id, or None.
        time: When it was recorded, as the record spells it, or None.
    """

    event_type: str
    payload: Mapping[str, Any]
    workflow_sequence: int | None
    sequence: int | None
    event_id: str | None
    time: str | None


_EMPTY: Mapping[str, Any] = {}


def read_event(record: Mapping[str, Any]) -> Event:
    """Read one history record.

    Args:
        record: An object of a history page, a task's `history_events` or a history export.
    """
    found: object = record.get("payload")
    payload = found if is_object(found) else _EMPTY
    workflow_sequence = payload.get("sequence") or payload.get("workflow_sequence")
    return Event(
        event_type=text(record, "event_type", "type") or "",
        payload=payload,
        workflow_sequence=integer_or_none(workflow_sequence),
        sequence=integer_or_none(record.get("sequence")),
        event_id=text(record, "id", "event_id"),
        time=text(record, "recorded_at", "timestamp"),
    )


def text(source: Mapping[str, Any], key: str, *others: str) -> str | None:
    """The first value among these keys that is a non-empty string."""
    value = source.get(key)
    if isinstance(value, str) and value:  # before any loop: replay reads several for each event
        return value
    return text(source, *others) if others else None


def nested(source: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key, or an empty one."""
    value = source.get(key)
    return value if is_object(value) else _EMPTY
