"""Results of calls about the history of schedules."""

from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.json_values import JsonObject, count, object_or_none, objects, text


@dataclass
class ScheduleHistoryEvent:
    """One event of a schedule's history.

    Attributes:
        sequence: Its place, from 1.
        event_type: `ScheduleCreated`, `ScheduleTriggered` and so on.
        recorded_at: When, in UTC.
        workflow_instance_id: The workflow that a fire started.
        workflow_run_id: Its run.
        payload: What was recorded.
        id: Id of the event.
    """

    sequence: int
    event_type: str | None = None
    recorded_at: str | None = None
    workflow_instance_id: str | None = None
    workflow_run_id: str | None = None
    payload: dict[str, Any] | None = None
    id: str | None = None


@dataclass
class ScheduleHistoryPage:
    """One page of a schedule's history, ascending.

    Attributes:
        schedule_id: The schedule.
        events: The events.
        has_more: Whether there are further pages.
        next_cursor: `after_sequence` of the next page; None when there is none.
        namespace: The namespace.
    """

    schedule_id: str
    events: list[ScheduleHistoryEvent]
    has_more: bool = False
    next_cursor: int | None = None
    namespace: str | None = None


def history_page(data: JsonObject, schedule_id: str) -> ScheduleHistoryPage:
    """Read one page. A cursor that is not a number counts as none, which ends an iteration."""
    try:
        cursor = int(data["next_cursor"])
    except (KeyError, TypeError, ValueError, OverflowError):
        cursor = None
    return ScheduleHistoryPage(
        schedule_id=text(data.get("schedule_id"), schedule_id),
        events=[_history_event(event) for event in objects(data.get("events"))],
        has_more=bool(data.get("has_more")),
        next_cursor=cursor,
        namespace=data.get("namespace"),
    )


def _history_event(event: JsonObject) -> ScheduleHistoryEvent:
    return ScheduleHistoryEvent(
        sequence=count(event.get("sequence")),
        event_type=event.get("event_type"),
        recorded_at=event.get("recorded_at"),
        workflow_instance_id=event.get("workflow_instance_id"),
        workflow_run_id=event.get("workflow_run_id"),
        payload=object_or_none(event.get("payload")),
        id=event.get("id"),
    )
