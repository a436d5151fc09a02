"""What callers do to a schedule: trigger, pause, resume, update, delete (8.5 to 8.9, 8.11)."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.refusals import Refused

ACTION: dict[str, Any] = {"workflow_type": "flow", "task_queue": "q", "input": ["x"]}


async def test_a_trigger_fires_at_once_by_its_own_policy(server: Any, planned: Any) -> None:
    await planned.create()
    server.clock.advance(1800)
    first = await planned.trigger()
    assert first.body["outcome"] == "triggered"
    assert (await planned.trigger()).body == {
        "schedule_id": "s",
        "namespace": "default",
        "outcome": "skipped",
        "reason": "overlap_policy_skip",
    }
    buffered = await planned.trigger("buffer_one")
    assert (buffered.body["outcome"], buffered.body["buffer_depth"]) == ("buffered", 1)
    full = await planned.trigger("buffer_one")
    assert (full.body["outcome"], full.body["reason"]) == ("buffer_full", "buffer_full")
    second = await planned.trigger("allow_all")
    assert second.body["workflow_id"] != first.body["workflow_id"]
    event = (await planned.history())["events"][-1]["payload"]
    assert event["effective_overlap_policy"] == "allow_all"
    assert event["command_context"]["context"]["server"]["command"] == "schedule.trigger"


async def test_a_paused_schedule_fires_neither_by_the_clock_nor_by_hand(
    server: Any, planned: Any
) -> None:
    await planned.create()
    paused = await planned.pause("holiday")
    assert (paused.body["paused"], paused.body["note"]) == (True, "holiday")
    await server.pass_time(5 * 3600)
    skipped = await planned.trigger()
    assert (skipped.body["outcome"], skipped.body["reason"]) == (
        "skipped",
        "status_not_triggerable",
    )
    assert await planned.runs() == []

    await planned.resume("back")
    events = (await planned.history())["events"]
    said = [each["payload"]["command_context"]["context"]["server"] for each in events]
    assert [each.get("metadata") for each in said] == [
        *(None, {"note": "holiday"}, None, {"note": "back"})
    ]
    # What was missed meanwhile is not made up for.
    assert (await planned.describe())["next_fire_at"] == "2026-01-01T06:00:00+00:00"
    await server.pass_time(3600)
    assert len(await planned.runs()) == 1
    with pytest.raises(Refused, match="schedule_not_paused"):
        await planned.resume()


async def test_an_update_changes_what_it_names(server: Any, planned: Any) -> None:
    await planned.create(memo={"a": 1}, note="first")
    changed = await planned.update(
        spec={"intervals": [{"every": "PT2H"}]}, action={"workflow_type": "other"}, memo=None
    )
    assert changed.body["outcome"] == "updated"
    shown = await planned.describe()
    assert shown["action"] == {**ACTION, "workflow_type": "other"}
    assert (shown["memo"], shown["note"]) == ({}, "first")
    assert shown["next_fire_at"] == "2026-01-01T02:00:00+00:00"
    event = (await planned.history())["events"][-1]["payload"]
    assert event["changed_fields"] == ["spec", "action", "memo"]


async def test_history_survives_deletion_and_goes_on_when_the_id_is_used_again(
    server: Any, planned: Any
) -> None:
    await planned.create()
    await planned.trigger()
    await planned.delete()
    await server.pass_time(2 * 3600)
    assert len(await planned.runs()) == 1
    with pytest.raises(Refused, match="schedule_not_found"):
        await planned.delete()
    assert await planned.types() == ["ScheduleCreated", "ScheduleTriggered", "ScheduleDeleted"]

    await planned.create()
    assert (await planned.describe())["fires_count"] == 0
    assert (await planned.types())[-1] == "ScheduleCreated"
    sequences = [event["sequence"] for event in (await planned.history())["events"]]
    assert sequences == [1, 2, 3, 4]
    with pytest.raises(Refused, match="schedule_already_exists"):
        await planned.create()


async def test_history_comes_in_pages(server: Any, planned: Any) -> None:
    await planned.create()
    for _ in range(4):
        await planned.trigger("allow_all")
    seen: list[int] = []
    after: str | None = None
    while True:
        page = await planned.history(limit=2, after=after)
        seen += [event["sequence"] for event in page["events"]]
        if not page["has_more"]:
            break
        after = str(page["next_cursor"])
    assert seen == [1, 2, 3, 4, 5]
    assert page["next_cursor"] is None
