"""Schedules that are due together are fired in one unit, each by its own rules."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.records import schedules as records
from durable_workflow.server.services import due, due_schedules
from durable_workflow.server.store.protocol import Store

Json = dict[str, Any]
_POLICIES = ("skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all")


async def due_now(planned: Any) -> due.Due:
    store: Store = planned.store
    look = await store.read(lambda read: due.look(read, 100))
    [found] = [each for each in look.found if each.schedules]
    return found


async def test_each_fires_once_for_its_time(server: Any, planned: Any) -> None:
    for number in range(7):
        await planned.create(f"s{number}", memo={"number": number})
    server.clock.advance(3600)
    found = await due_now(planned)
    assert found.count == 7

    for _ in range(2):
        await server.run_due(found)

    runs = await planned.runs()
    described = [await server.describe(run["workflow_id"]) for run in runs]
    assert sorted(each["memo"]["number"] for each in described) == list(range(7))
    for number in range(7):
        shown = await planned.describe(f"s{number}")
        assert (shown["fires_count"], shown["next_fire_at"]) == (1, "2026-01-01T02:00:00+00:00")
        run = runs[[each["memo"]["number"] for each in described].index(number)]
        assert shown["latest_workflow_instance_id"] == run["workflow_id"]
        events = await server.events(run["workflow_id"])
        assert events[2]["payload"]["schedule_id"] == f"s{number}"


async def test_each_has_its_own_overlap_policy(server: Any, planned: Any) -> None:
    for policy in _POLICIES:
        await planned.create(policy, overlap_policy=policy)
    await server.pass_time(3600)
    firsts = {
        each: (await planned.describe(each))["latest_workflow_instance_id"] for each in _POLICIES
    }

    server.clock.advance(3600)
    await server.run_due(await due_now(planned))

    shown = {each: await planned.describe(each) for each in _POLICIES}
    assert {each: shown[each]["fires_count"] for each in _POLICIES} == {
        "skip": 1,
        "buffer_one": 1,
        "buffer_all": 1,
        "cancel_other": 2,
        "terminate_other": 2,
        "allow_all": 2,
    }
    assert shown["skip"]["info"]["last_skip_reason"] == "overlap_policy_skip"
    for each in ("buffer_one", "buffer_all"):
        assert len(shown[each]["info"]["buffered_actions"]) == 1
    statuses = {each: (await server.describe(firsts[each]))["status"] for each in _POLICIES}
    assert statuses.pop("cancel_other") == "cancelled"
    assert statuses.pop("terminate_other") == "terminated"
    assert set(statuses.values()) == {"pending"}


async def test_what_waited_and_what_is_due_start_beside_each_other(
    server: Any, planned: Any
) -> None:
    await planned.create("s", overlap_policy="buffer_one")
    await server.pass_time(2 * 3600)
    await planned.finish()
    await planned.create("other")
    server.clock.advance(3600)
    await server.run_due(await due_now(planned))

    shown = await planned.describe()
    # The fire that waited started, and that of this hour waits for it.
    assert shown["info"]["recent_actions"][-1]["outcome"] == "drained"
    assert shown["info"]["buffered_actions"] == [{"buffered_at": "2026-01-01T03:00:00+00:00"}]
    assert (await planned.describe("other"))["fires_count"] == 1


async def test_a_unit_leaves_what_would_take_too_long_to_the_next(
    server: Any, planned: Any, monkeypatch: Any
) -> None:
    for number in range(3):
        await planned.create(f"s{number}")
    monkeypatch.setattr(due_schedules, "_LONGEST_SECONDS", -1.0)
    server.clock.advance(3600)

    for left in (3, 2, 1):
        found = await due_now(planned)
        assert found.count == left
        await server.run_due(found)

    assert len(await planned.runs()) == 3


async def test_one_that_ends_with_its_fire_ends_alone(server: Any, planned: Any) -> None:
    await planned.create("last", max_runs=1)
    await planned.create("other", max_runs=2)
    await server.pass_time(3600)

    assert len(await planned.runs()) == 2
    listed = await planned.describe("other")
    assert (listed["status"], listed["remaining_actions"]) == ("active", 1)
    store: Store = planned.store
    last = await store.read(lambda read: records.find(read, "default", "last"))
    assert last is not None
    assert last.status == "deleted"
