"""Workers that are listed and taken out, and builds that are rolled out."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import (
    ListWorkers,
    NamedQueue,
    NamedWorker,
    RollBuild,
)
from durable_workflow.server.services import builds, sessions
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import builds as build_views
from durable_workflow.server.views import fleet, task_queues
from durable_workflow.server.views import workers as views

Json = dict[str, Any]


async def shown(server: Any, view: Any, asked: Any) -> Json:
    """What a view shows of the namespace."""

    def look(read: Read) -> Json:
        body: Json = view(read, "default", asked, server.settings)
        return body

    body: Json = await server.store.read(look)
    return body


async def listed(server: Any, **asked: Any) -> list[Json]:
    found: list[Json] = (await shown(server, views.list_workers, ListWorkers(**asked)))["workers"]
    return found


async def described(server: Any, worker_id: str = "w") -> Json:
    return await shown(server, views.describe, NamedWorker(worker_id=worker_id))


async def roll(server: Any, service: Any, build_id: str | None) -> Json:
    request = RollBuild(task_queue="q", build_id=build_id)
    body: Json = (await server.run(service, "default", request)).body
    return body


async def cohorts(server: Any) -> dict[str | None, Json]:
    body = await shown(server, build_views.list_builds, NamedQueue(task_queue="q"))
    return {each["build_id"]: each for each in body["build_ids"]}


async def remove(server: Any, worker_id: str = "w") -> Json:
    body: Json = (
        await server.run(sessions.remove, server.caller, NamedWorker(worker_id=worker_id))
    ).body
    return body


async def test_workers_are_listed_those_heard_last_first(server: Any) -> None:
    await server.pass_time(5)
    await server.register("v", build_id="b1", task_queue="other")
    assert [each["worker_id"] for each in await listed(server)] == ["v", "w"]
    assert [each["worker_id"] for each in await listed(server, task_queue="q")] == ["w"]


async def test_definitions_of_types_that_are_not_advertised_are_not_kept(server: Any) -> None:
    async def register(types: list[str], **definitions: str) -> dict[str, str]:
        named = {"supported_workflow_types": types, "workflow_definition_fingerprints": definitions}
        await server.register("x", **named)
        kept: dict[str, str] = (await described(server, "x"))["workflow_definition_fingerprints"]
        return kept

    assert await register(["a"], a="1", b="1") == {"a": "1"}
    assert await register(["a"], b="2") == {"a": "1"}
    assert await register(["a", "b"], b="3") == {"a": "1", "b": "3"}
    assert await register([], c="1") == {"a": "1", "b": "3", "c": "1"}  # it runs any type
    with pytest.raises(Refused) as refused:
        await register([], c="2")
    assert refused.value.extra["workflow_type"] == "c"


async def test_a_live_worker_that_registers_again_was_first_seen_before(server: Any) -> None:
    first = await described(server)
    await server.pass_time(5)
    await server.register("w", build_id="b1")
    again = await described(server)
    assert again["registered_at"] == first["registered_at"]
    assert again["last_heartbeat_at"] > first["last_heartbeat_at"]
    assert (await cohorts(server))["b1"]["first_seen_at"] == first["registered_at"]
    await server.pass_time(60)
    await server.register("w")
    assert (await described(server))["registered_at"] > first["registered_at"]


async def test_a_silent_worker_is_stale_and_is_found_as_such(server: Any) -> None:
    await server.pass_time(55)
    await server.register("v")
    await server.pass_time(4)
    assert {each["status"] for each in await listed(server)} == {"active"}
    await server.pass_time(1)
    found = {each["worker_id"]: each["status"] for each in await listed(server)}
    assert found == {"v": "active", "w": "stale"}
    assert [each["worker_id"] for each in await listed(server, status="stale")] == ["w"]

    def look(read: Read) -> Json:
        return fleet.summary(read, "default", server.settings)

    shown_fleet: Json = await server.store.read(look)
    assert [each["worker_id"] for each in shown_fleet["workers"]] == ["v"]


async def test_a_worker_with_rare_heartbeats_is_stale_when_it_has_missed_three(server: Any) -> None:
    body = await server.register("v", heartbeat_interval_seconds=100)
    assert body["stale_after_seconds"] == 300
    await server.pass_time(299)
    found = {each["worker_id"]: each["status"] for each in await listed(server)}
    assert found == {"v": "active", "w": "stale"}
    await server.pass_time(1)
    assert [each["worker_id"] for each in await listed(server, status="active")] == []


async def test_two_live_sessions_under_one_id_are_two_rows_with_a_warning(server: Any) -> None:
    for session in ("one", "two"):
        await server.register("v", session=session, capabilities=["held_tasks"])
    # The older one shows itself, so both are known to be alive.
    await server.poll("v", session="one")
    rows = [each for each in await listed(server) if each["worker_id"] == "v"]
    assert {each["session"] for each in rows} == {"one", "two"}
    assert all(each["warnings"] == [views.SHARED_ID] for each in rows)
    body = await described(server, "v")
    assert body["warnings"] == [views.SHARED_ID]
    assert len(body["sessions"]) == 2
    assert "warnings" not in await described(server, "w")


async def test_an_unknown_worker_is_not_found(server: Any) -> None:
    with pytest.raises(Refused) as refused:
        await described(server, "nobody")
    assert refused.value.reason == "worker_not_found"


async def test_removing_a_worker_takes_all_its_sessions_and_refuses_them(server: Any) -> None:
    for session in ("one", "two"):
        await server.register("v", session=session, capabilities=["held_tasks"])
    assert (await remove(server, "v"))["outcome"] == "deregistered"
    assert [each["worker_id"] for each in await listed(server)] == ["w"]
    for asked in ("one", "two", None):
        with pytest.raises(Refused) as refused:
            await server.poll("v", session=asked)
        assert refused.value.reason == "worker_deregistered"
    with pytest.raises(Refused) as refused:
        await server.register("v", session="one", capabilities=["held_tasks"])
    assert refused.value.reason == "worker_deregistered"
    with pytest.raises(Refused) as refused:
        await remove(server, "v")
    assert refused.value.reason == "worker_not_found"

    await server.register("v", session="three", capabilities=["held_tasks"])
    assert await server.poll("v", session="three") is None


async def test_a_worker_without_a_session_is_admitted_when_it_registers_again(server: Any) -> None:
    await remove(server)
    with pytest.raises(Refused) as refused:
        await server.poll()
    assert refused.value.reason == "worker_deregistered"
    await server.register()
    assert await server.poll() is None


async def test_leases_of_a_removed_worker_run_to_their_end(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    await remove(server)
    await server.register("v")
    assert await server.poll("v") is None
    await server.complete(task, commands.done())


async def test_workers_that_are_gone_are_forgotten_after_a_day(server: Any) -> None:
    await server.pass_time(31)
    await server.register("v")
    assert {each["worker_id"] for each in await listed(server)} == {"v", "w"}
    await server.pass_time(24 * 3600 + 1)
    await server.register("u")
    assert {each["worker_id"] for each in await listed(server)} == {"u"}


async def test_a_drained_build_gets_no_tasks_and_finishes_what_it_has(
    server: Any, commands: Any
) -> None:
    await server.register("one", build_id="b1")
    await server.start("a")
    await server.start("b")
    task = await server.task("one")
    state = await roll(server, builds.drain, "b1")
    assert (state["drain_intent"], state["build_id"]) == ("draining", "b1")
    assert state["drained_at"] is not None

    assert await server.poll("one") is None
    assert (await described(server, "one"))["status"] == "draining"
    await server.complete(task, commands.activity())
    assert await server.poll_activity("one") is None
    assert await server.poll_activity("w") is not None
    assert await server.poll("w") is not None

    again = await roll(server, builds.drain, "b1")
    assert again["drained_at"] == state["drained_at"]


async def test_a_worker_of_a_drained_build_that_registers_drains(server: Any) -> None:
    await roll(server, builds.drain, None)
    assert (await server.register())["status"] == "draining"
    await server.start()
    assert await server.poll() is None
    state = await roll(server, builds.resume, None)
    assert (state["drain_intent"], state["drained_at"]) == ("active", None)
    assert await server.poll() is not None


async def test_new_runs_are_pinned_to_the_promoted_build(server: Any, commands: Any) -> None:
    await server.start("before")
    await server.register("one", build_id="b1")
    await server.register("two", build_id="b2")
    state = await roll(server, builds.promote, "b2")
    assert (state["new_start_selected"], state["rolled_back_at"]) == (True, None)
    assert state["promoted_at"] is not None
    await server.start("after")

    task = await server.task("one")
    assert (task["workflow_id"], task["compatibility"]) == ("before", None)
    assert await server.poll("one") is None
    assert await server.poll("w") is None
    task = await server.task("two")
    assert (task["workflow_id"], task["compatibility"]) == ("after", "b2")
    # Activities go by queue and type: whoever knows the type may run them.
    await server.complete(task, commands.activity())
    assert await server.poll_activity("one") is not None


async def test_one_build_of_a_queue_is_selected_and_the_one_before_is_rolled_back(
    server: Any,
) -> None:
    await roll(server, builds.promote, "b1")
    await roll(server, builds.drain, "b2")
    state = await roll(server, builds.promote, "b2")
    assert (state["drain_intent"], state["drained_at"]) == ("active", None)
    found = await cohorts(server)
    assert [each for each, of in found.items() if of["new_start_selected"]] == ["b2"]
    assert found["b1"]["rolled_back_at"] is not None
    await roll(server, builds.promote, None)
    await server.start()
    assert (await server.task())["compatibility"] is None


async def test_cohorts_tell_what_still_needs_a_build(server: Any, commands: Any) -> None:
    await server.register("one", build_id="b1", workflow_definition_fingerprints={"flow": "x"})
    await server.register("uno", build_id="b1", workflow_definition_fingerprints={"flow": "y"})
    await roll(server, builds.promote, "b1")
    await server.start()
    task = await server.task("one")
    await roll(server, builds.promote, "b2")
    await roll(server, builds.drain, "b1")

    old = (await cohorts(server))["b1"]
    assert (old["rollout_status"], old["draining_worker_count"]) == ("draining", 2)
    assert old["workflow_definition_fingerprint_count"] == 2
    assert old["workflow_definition_fingerprint_conflicts"] == [
        {"workflow_type": "flow", "fingerprint_count": 2}
    ]
    needs = ("pinned_run_count", "leased_task_count", "safe_to_remove")
    assert tuple(old[each] for each in needs) == (1, 1, False)
    await server.complete(task, commands.done())
    old = (await cohorts(server))["b1"]
    assert tuple(old[each] for each in needs) == (0, 0, True)
    new = (await cohorts(server))["b2"]
    assert (new["rollout_status"], new["safe_to_remove"]) == ("no_workers", False)


async def test_builds_are_ordered_by_status_and_heartbeat(server: Any) -> None:
    await server.register("one", build_id="b1")
    await server.pass_time(1)
    await server.register("two", build_id="b2")
    await server.register("three", build_id="b3")
    await roll(server, builds.drain, "b3")
    await roll(server, builds.promote, "b4")
    assert list(await cohorts(server)) == ["b2", "b1", None, "b3", "b4"]


async def test_queues_are_listed_that_have_a_worker_or_a_task(server: Any) -> None:
    await server.register("v", task_queue="a-queue")
    await server.start("wf", task_queue="tasks-only")

    def look(read: Read) -> Json:
        names = task_queues.names(read, "default")
        return task_queues.list_all(read, "default", dict.fromkeys(names, 0), server.settings)

    body = await server.store.read(look)
    assert [each["name"] for each in body["task_queues"]] == ["a-queue", "q", "tasks-only"]
    for each in body["task_queues"]:
        assert each.keys() == {"name", "namespace", "stats", "repair", "admission"}
