"""Requests about schedules."""

from durable_workflow.client._call import Call, Repeat, json_object, nothing, reading
from durable_workflow.client._json import JsonObject, objects, present
from durable_workflow.client._results.schedules import (
    ScheduleBackfillResult,
    ScheduleDescription,
    ScheduleHistoryPage,
    ScheduleList,
    ScheduleTriggerResult,
    backfill_result,
    described_schedule,
    history_page,
    listed_schedule,
    trigger_result,
)


def create(
    *,
    schedule_id: str | None,
    spec: JsonObject,
    action: JsonObject,
    overlap_policy: str | None,
    jitter_seconds: int | None,
    max_runs: int | None,
    memo: JsonObject | None,
    search_attributes: JsonObject | None,
    paused: bool,
    note: str | None,
) -> Call[JsonObject]:
    """Make a schedule."""
    return Call(
        "POST",
        "/schedules",
        json_object,
        body=present(
            schedule_id=schedule_id,
            spec=spec,
            action=action,
            overlap_policy=overlap_policy,
            jitter_seconds=jitter_seconds,
            max_runs=max_runs,
            memo=memo,
            search_attributes=search_attributes,
            paused=paused or None,
            note=note,
        ),
        context=schedule_id or "",
        # The id is what tells a repetition from a second schedule.
        repeat=Repeat.ALWAYS if schedule_id else Repeat.IF_UNSENT,
    )


def list_() -> Call[ScheduleList]:
    """All schedules of the namespace."""

    def read(data: JsonObject) -> ScheduleList:
        rows = objects(data.get("schedules"))
        return ScheduleList([listed_schedule(row) for row in rows], data.get("next_page_token"))

    return Call("GET", "/schedules", reading(read))


def describe(schedule_id: str) -> Call[ScheduleDescription]:
    """One schedule."""
    return Call(
        "GET",
        "/schedules/{schedule_id}",
        reading(lambda data: described_schedule(data, schedule_id)),
        path={"schedule_id": schedule_id},
        context=schedule_id,
    )


def update(
    schedule_id: str,
    *,
    spec: JsonObject | None,
    action: JsonObject | None,
    overlap_policy: str | None,
    jitter_seconds: int | None,
    max_runs: int | None,
    memo: JsonObject | None,
    search_attributes: JsonObject | None,
    note: str | None,
) -> Call[None]:
    """Change what is given."""
    return Call(
        "PUT",
        "/schedules/{schedule_id}",
        nothing,
        path={"schedule_id": schedule_id},
        body=present(
            spec=spec,
            action=action,
            overlap_policy=overlap_policy,
            jitter_seconds=jitter_seconds,
            max_runs=max_runs,
            memo=memo,
            search_attributes=search_attributes,
            note=note,
        ),
        context=schedule_id,
    )


def pause(schedule_id: str, *, note: str | None) -> Call[None]:
    """Stop firing."""
    return _note(schedule_id, "pause", note)


def resume(schedule_id: str, *, note: str | None) -> Call[None]:
    """Fire again."""
    return _note(schedule_id, "resume", note)


def trigger(schedule_id: str, *, overlap_policy: str | None) -> Call[ScheduleTriggerResult]:
    """Fire once, now."""
    return Call(
        "POST",
        "/schedules/{schedule_id}/trigger",
        reading(lambda data: trigger_result(data, schedule_id)),
        path={"schedule_id": schedule_id},
        body=present(overlap_policy=overlap_policy),
        context=schedule_id,
        repeat=Repeat.IF_UNSENT,
    )


def delete(schedule_id: str) -> Call[None]:
    """Delete a schedule; what it started goes on."""
    return Call(
        "DELETE",
        "/schedules/{schedule_id}",
        nothing,
        path={"schedule_id": schedule_id},
        context=schedule_id,
    )


def backfill(
    schedule_id: str, *, start_time: str, end_time: str, overlap_policy: str | None
) -> Call[ScheduleBackfillResult]:
    """Make up for the fires of a time span."""
    return Call(
        "POST",
        "/schedules/{schedule_id}/backfill",
        reading(lambda data: backfill_result(data, schedule_id)),
        path={"schedule_id": schedule_id},
        body=present(start_time=start_time, end_time=end_time, overlap_policy=overlap_policy),
        context=schedule_id,
        repeat=Repeat.IF_UNSENT,
    )


def history(
    schedule_id: str, *, limit: int | None, after_sequence: int | None
) -> Call[ScheduleHistoryPage]:
    """One page of a schedule's own history.

    Raises:
        ValueError: `limit` is less than 1, or `after_sequence` is negative.
    """
    if limit is not None and limit < 1:
        raise ValueError("limit must be at least 1")
    if after_sequence is not None and after_sequence < 0:
        raise ValueError("after_sequence must not be negative")
    return Call(
        "GET",
        "/schedules/{schedule_id}/history",
        reading(lambda data: history_page(data, schedule_id)),
        path={"schedule_id": schedule_id},
        query={"limit": limit, "after_sequence": after_sequence},
        context=schedule_id,
    )


def _note(schedule_id: str, verb: str, note: str | None) -> Call[None]:
    return Call(
        "POST",
        f"/schedules/{{schedule_id}}/{verb}",
        nothing,
        path={"schedule_id": schedule_id},
        body=present(note=note),
        context=schedule_id,
    )
