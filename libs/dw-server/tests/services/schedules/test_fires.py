"""Fires by the clock: when, how often, and until when (8.12)."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.refusals import Refused
from durable_workflow.server.services import due, namespaces
from durable_workflow.server.store.protocol import Read, Store


async def test_a_schedule_fires_when_its_time_has_come(server: Any, planned: Any) -> None:
    created = await planned.create(memo={"owner": "data"}, search_attributes={"Team": "data"})
    assert created.body == {
        "schedule_id": "s",
        "namespace": "default",
        "outcome": "created",
        "status": "active",
        "created_at": "2026-01-01T00:00:00+00:00",
    }
    assert (await planned.describe())["next_fire_at"] == "2026-01-01T01:00:00+00:00"

    await server.pass_time(3599)
    assert await planned.runs() == []
    await server.pass_time(1)

    [run] = await planned.runs()
    described = await server.describe(run["workflow_id"])
    assert described["memo"] == {"owner": "data"}
    assert described["search_attributes"] == {"Team": "data"}
    shown = await planned.describe()
    assert (shown["fires_count"], shown["last_fired_at"]) == (1, "2026-01-01T01:00:00+00:00")
    assert shown["latest_workflow_instance_id"] == run["workflow_id"]
    assert shown["next_fire_at"] == "2026-01-01T02:00:00+00:00"
    assert shown["info"]["recent_actions"] == [
        {
            "workflow_id": run["workflow_id"],
            "run_id": run["run_id"],
            "outcome": "scheduled",
            "fired_at": "2026-01-01T01:00:00+00:00",
        }
    ]


async def test_the_fire_is_in_both_histories(server: Any, planned: Any) -> None:
    await planned.create()
    await server.pass_time(3600)
    [run] = await planned.runs()

    events = await server.events(run["workflow_id"])
    begin = ["StartAccepted", "WorkflowStarted", "ScheduleTriggered"]
    assert [event["event_type"] for event in events] == begin
    assert events[0]["payload"] == {
        "workflow_instance_id": run["workflow_id"],
        "workflow_run_id": run["run_id"],
        "workflow_class": "flow",
        "workflow_type": "flow",
        "business_key": None,
        "memo": {},
        "search_attributes": {},
        "outcome": "started_new",
    }
    said = events[2]["payload"]
    ulid = said.pop("schedule_ulid")
    assert said == {
        "workflow_instance_id": run["workflow_id"],
        "workflow_run_id": run["run_id"],
        "schedule_id": "s",
        "cron_expression": None,
        "timezone": "UTC",
        "overlap_policy": "skip",
        "outcome": "scheduled",
        "effective_overlap_policy": "skip",
        "trigger_number": 1,
        "occurrence_time": "2026-01-01T01:00:00.000000+00:00",
    }
    created, fired = (await planned.history())["events"]
    assert (created["event_type"], created["sequence"]) == ("ScheduleCreated", 1)
    assert (fired["event_type"], fired["sequence"]) == ("ScheduleTriggered", 2)
    assert fired["workflow_instance_id"] == run["workflow_id"]
    assert fired["workflow_run_id"] == run["run_id"]
    assert ulid
    task = await server.task()
    assert [event["event_type"] for event in task["history_events"]] == begin


async def test_missed_fires_collapse_into_one(server: Any, planned: Any) -> None:
    await planned.create(overlap_policy="allow_all")
    server.clock.advance(10 * 3600 + 60)
    await server.pass_time(0)

    assert len(await planned.runs()) == 1
    shown = await planned.describe()
    assert (shown["fires_count"], shown["next_fire_at"]) == (1, "2026-01-01T11:00:00+00:00")
    triggered = (await planned.history())["events"][-1]["payload"]
    # The occurrence is the first that was missed.
    assert triggered["occurrence_time"] == "2026-01-01T01:00:00.000000+00:00"


async def test_a_fire_that_was_handled_is_not_handled_again(server: Any, planned: Any) -> None:
    await planned.create(overlap_policy="allow_all")
    server.clock.advance(3600)
    store: Store = planned.store
    look = await store.read(lambda read: due.look(read, 10))
    [found] = [each for each in look.found if each.schedules]
    assert found.schedules == [("default", "s")]

    for _ in range(3):
        await server.run_due(found)

    assert len(await planned.runs()) == 1


@pytest.mark.parametrize("jitter", [1, 60, 3600])
async def test_jitter_delays_by_whole_seconds_within_its_bound(
    server: Any, planned: Any, jitter: int
) -> None:
    delays: set[int] = set()
    for number in range(20):
        await planned.create(f"s{number}", jitter_seconds=jitter)
        fire = (await planned.describe(f"s{number}"))["next_fire_at"]

        def row_of(read: Read, schedule_id: str = f"s{number}") -> Any:
            return read.one("schedule", namespace="default", schedule_id=schedule_id)

        row = await planned.store.read(row_of)
        assert fire is not None
        next_fire_at, occurrence = row[17], row[18]
        assert occurrence == server.clock.now() + 3600 * 1_000_000
        delay, rest = divmod(next_fire_at - occurrence, 1_000_000)
        assert rest == 0
        delays.add(delay)
    assert min(delays) >= 0
    assert max(delays) <= jitter
    assert len(delays) > 1


async def test_max_runs_end_the_schedule(server: Any, planned: Any) -> None:
    await planned.create(overlap_policy="allow_all", max_runs=2)
    await server.pass_time(3600)
    assert (await planned.describe())["remaining_actions"] == 1
    await server.pass_time(5 * 3600)

    assert len(await planned.runs()) == 2
    with pytest.raises(Refused, match="schedule_not_found"):
        await planned.describe()
    ended = (await planned.history())["events"][-1]
    assert ended["event_type"] == "ScheduleDeleted"
    assert ended["payload"]["reason"] == "max_runs_exhausted"


async def test_max_runs_that_are_used_up_by_an_update_stop_the_fires(
    server: Any, planned: Any
) -> None:
    await planned.create(overlap_policy="allow_all")
    await server.pass_time(2 * 3600)
    await planned.update(max_runs=1)
    shown = await planned.describe()
    assert (shown["remaining_actions"], shown["next_fire_at"]) == (0, None)
    assert (await planned.trigger()).body["reason"] == "remaining_actions_exhausted"

    await planned.update(max_runs=3)
    assert (await planned.describe())["remaining_actions"] == 1


async def test_a_start_that_is_refused_is_a_failure_and_the_schedule_goes_on(
    server: Any, planned: Any
) -> None:
    await planned.create(memo={"text": "x" * 100}, overlap_policy="cancel_other")
    await server.pass_time(3600)
    server.limit(memo_bytes=50)
    await server.pass_time(3600)

    shown = await planned.describe()
    assert (shown["fires_count"], shown["failures_count"]) == (1, 1)
    failed = shown["info"]["recent_actions"][-1]
    assert failed["outcome"] == "failed"
    assert "memo" in failed["reason"]
    # What is open was not closed for a start that did not come.
    assert [run["status"] for run in await planned.runs()] == ["pending"]
    refused = await planned.trigger()
    assert refused.reason == "trigger_failed"
    server.limit()
    await server.pass_time(3600)
    assert (await planned.describe())["fires_count"] == 2


async def test_nothing_fires_in_a_namespace_that_is_going(server: Any, planned: Any) -> None:
    store: Store = planned.store
    await store.run(lambda tx: namespaces.ensure_default(tx, "going"))
    server.caller = type(server.caller)(namespace="going")
    await planned.create()
    await namespaces.begin_deletion(server.store, "going", default="default")
    await server.pass_time(2 * 3600)

    gone = (await namespaces.delete(server.store, "going")).body["deleted"]
    assert (gone["workflow_schedules"], gone["workflow_runs"]) == (1, 0)
