"""What is shown of schedules and of their histories (control-plane 8.3, 8.4, 8.11)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from durable_workflow.server.engine.schedules import DELETED, PAUSED, Schedule
from durable_workflow.server.engine.times import offset, offset_or_none
from durable_workflow.server.records import schedules as records
from durable_workflow.server.records.schedules import RecordedEvent
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import NamedSchedule, ReadScheduleHistory
from durable_workflow.server.store.protocol import Read, Store

# Between so many others have their turn.
_AT_ONCE: Final = 200
_LONGEST_CURSOR: Final = 18


def not_found(namespace: str, schedule_id: str) -> Refused:
    """There is no schedule of that id."""
    text = f"Schedule [{schedule_id}] not found in namespace [{namespace}]."
    return Refused("schedule_not_found", text, extra={"schedule_id": schedule_id})


async def list_all(store: Store, namespace: str) -> dict[str, Any]:
    """The schedules of a namespace, newest first."""
    shown: list[dict[str, Any]] = []
    before: str | None = None
    while True:

        def some(read: Read, before: str | None = before) -> list[Schedule]:
            return records.some_listed(read, namespace, _AT_ONCE, before)

        found = await store.read(some)
        shown += [_listed(schedule) for schedule in found]
        if len(found) < _AT_ONCE:
            return {"namespace": namespace, "schedules": shown, "next_page_token": None}
        before = found[-1].schedule_ulid


def describe(read: Read, namespace: str, asked: NamedSchedule) -> dict[str, Any]:
    """One schedule: its members flat, as clients read them, and nested, as older tools do.

    Raises:
        Refused: There is none of that id, or it is deleted.
    """
    found = records.find(read, namespace, asked.schedule_id)
    if found is None or found.status == DELETED:
        raise not_found(namespace, asked.schedule_id)
    state = {"status": found.status, "paused": found.status == PAUSED, "note": found.note}
    return {
        "namespace": namespace,
        "schedule_id": found.schedule_id,
        **state,
        "spec": found.spec,
        "action": found.action,
        "overlap_policy": found.overlap_policy,
        "memo": found.memo,
        "search_attributes": found.search_attributes,
        "jitter_seconds": found.jitter_seconds,
        "max_runs": found.max_runs,
        "remaining_actions": found.remaining_actions,
        "fires_count": found.fires_count,
        "failures_count": found.failures_count,
        "next_fire_at": offset_or_none(found.next_fire_at),
        "last_fired_at": offset_or_none(found.last_fired_at),
        "paused_at": offset_or_none(found.paused_at),
        "created_at": offset(found.created_at),
        "updated_at": offset(found.updated_at),
        "latest_workflow_instance_id": found.latest_workflow_id,
        "state": state,
        "info": _info(found),
    }


def history(read: Read, namespace: str, asked: ReadScheduleHistory) -> dict[str, Any]:
    """A page of the history of a schedule, which may be deleted.

    Raises:
        Refused: There was never one of that id, or the cursor is none.
    """
    after = _cursor(asked.after)
    if records.find(read, namespace, asked.schedule_id) is None:
        raise not_found(namespace, asked.schedule_id)
    found = records.events(read, namespace, asked.schedule_id, after=after, most=asked.limit + 1)
    page, more = found[: asked.limit], len(found) > asked.limit
    return {
        "schedule_id": asked.schedule_id,
        "namespace": namespace,
        "events": [_event(event) for event in page],
        "has_more": more,
        "next_cursor": page[-1].sequence if more else None,
    }


def _cursor(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_CURSOR):
        message = "The after_sequence must be a whole number, 0 or more."
        raise Refused("invalid_after_sequence", message)
    return int(text)


def _listed(schedule: Schedule) -> dict[str, Any]:
    next_fire = offset_or_none(schedule.next_fire_at)
    last_fire = offset_or_none(schedule.last_fired_at)
    shown = {
        "schedule_id": schedule.schedule_id,
        "workflow_type": schedule.action["workflow_type"],
        "status": schedule.status,
        "paused": schedule.status == PAUSED,
        "spec": schedule.spec,
        "action": schedule.action,
        "overlap_policy": schedule.overlap_policy,
        "note": schedule.note,
        "fires_count": schedule.fires_count,
        "next_fire_at": next_fire,
        "last_fired_at": last_fire,
        "next_fire": next_fire,
        "last_fire": last_fire,
    }
    if schedule.jitter_seconds:
        shown["jitter_seconds"] = schedule.jitter_seconds
    if schedule.max_runs is not None:
        shown["max_runs"] = schedule.max_runs
    if schedule.remaining_actions is not None:
        shown["remaining_actions"] = schedule.remaining_actions
    return shown


def _info(schedule: Schedule) -> dict[str, Any]:
    return {
        "next_fire": offset_or_none(schedule.next_fire_at),
        "last_fire": offset_or_none(schedule.last_fired_at),
        "fires_count": schedule.fires_count,
        "failures_count": schedule.failures_count,
        "recent_actions": [msgspec.json.decode(each) for each in schedule.recent_actions],
        "buffered_actions": [{"buffered_at": offset(each.at)} for each in schedule.buffered],
        "skipped_trigger_count": schedule.skipped_trigger_count,
        "last_skip_reason": schedule.last_skip_reason,
        "last_skipped_at": offset_or_none(schedule.last_skipped_at),
    }


def _event(event: RecordedEvent) -> dict[str, Any]:
    return {
        "id": event.event_id,
        "sequence": event.sequence,
        "event_type": event.event_type,
        "payload": msgspec.Raw(event.payload.encode()),
        "workflow_instance_id": event.workflow_id,
        "workflow_run_id": event.run_id,
        "recorded_at": offset(event.recorded_at),
    }
