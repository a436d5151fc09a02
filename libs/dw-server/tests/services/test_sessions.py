"""Sessions of workers: whose lease a lease is, and when it is free."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from durable_workflow.server.engine.times import SECOND
from durable_workflow.server.notices import Notice, TaskReady, WorkerChallenged
from durable_workflow.server.records import workers
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import (
    DeregisterWorker,
    HeldTask,
    NamedWorker,
    PollTask,
    WorkerHeartbeat,
)
from durable_workflow.server.services import sessions
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views import task_queues

HELD = ["held_tasks", "deregister", "sticky_history"]


async def join(server: Any, session: str, worker_id: str = "w", **fields: Any) -> dict[str, Any]:
    """Register a session that names what it holds."""
    given: dict[str, Any] = {"session": session, "capabilities": HELD}
    body: dict[str, Any] = await server.register(worker_id, **given | fields)
    return body


async def beat(server: Any, session: str, *held: HeldTask, worker_id: str = "w") -> dict[str, Any]:
    request = WorkerHeartbeat(worker_id=worker_id, session=session, held_tasks=list(held))
    answer = await server.run(sessions.heartbeat, "default", request)
    body: dict[str, Any] = answer.body
    return body


async def leave(server: Any, worker_id: str, session: str | None = None) -> None:
    request = PollTask(worker_id=worker_id, task_queue="q", session=session)

    def work(tx: Tx) -> None:
        sessions.leave(tx, "default", request)

    await server.store.run(work)


async def goodbye(server: Any, session: str, worker_id: str = "w") -> dict[str, Any]:
    request = DeregisterWorker(worker_id=worker_id, session=session)
    answer = await server.run(sessions.deregister, "default", request)
    assert answer.reason is None
    body: dict[str, Any] = answer.body
    return body


def held_workflow(task: dict[str, Any]) -> HeldTask:
    attempt = task["workflow_task_attempt"]
    return HeldTask(kind="workflow", task_id=task["task_id"], attempt=attempt)


def held_activity(task: dict[str, Any]) -> HeldTask:
    attempt = task["activity_attempt_id"]
    return HeldTask(kind="activity", task_id=task["task_id"], attempt=attempt)


async def both_kinds(server: Any, commands: Any, session: str | None) -> list[dict[str, Any]]:
    """A workflow task and an activity task, both held by a session of worker w."""
    await server.start("a")
    await server.complete(await server.task("w", session=session), commands.activity())
    activity = await server.activity("w", session=session)
    await server.start("b")
    return [await server.task("w", session=session), activity]


async def test_what_is_named_stays_leased_for_as_long_as_it_takes(
    server: Any, commands: Any
) -> None:
    await join(server, "s")
    workflow_task, activity = await both_kinds(server, commands, "s")
    await server.register("v")
    held = [held_workflow(workflow_task), held_activity(activity)]
    for _ in range(100):
        await server.pass_time(10)
        assert (await beat(server, "s", *held))["dropped"] == []
        assert await server.poll("v") is None
        assert await server.poll_activity("v") is None
    assert (await server.complete_activity(activity)).reason is None
    assert (await server.complete(workflow_task, commands.done())).reason is None
    assert "ActivityHeartbeatRecorded" not in await server.types("a")


async def test_what_is_not_its_any_more_is_named_in_the_answer(server: Any, commands: Any) -> None:
    await join(server, "s")
    workflow_task, activity = await both_kinds(server, commands, "s")
    ghost = HeldTask(kind="activity", task_id="ghost", attempt="x")
    body = await beat(server, "s", held_workflow(workflow_task), held_activity(activity), ghost)
    assert body["dropped"] == ["ghost"]
    stale = [
        HeldTask(kind="workflow", task_id=workflow_task["task_id"], attempt=7),
        HeldTask(kind="activity", task_id=activity["task_id"], attempt="earlier"),
    ]
    assert (await beat(server, "s", *stale))["dropped"] == [each.task_id for each in stale]
    await server.close("cancel", "a")
    assert (await beat(server, "s", held_activity(activity)))["dropped"] == [activity["task_id"]]


async def test_a_worker_that_names_what_it_holds_is_gone_after_three_heartbeats(
    server: Any, commands: Any
) -> None:
    await join(server, "s")
    await both_kinds(server, commands, "s")
    await server.register("v")
    await server.pass_time(29)
    assert await server.poll_activity("v") is None
    # Its polls do not stand for its heartbeats.
    assert await server.poll("w", session="s") is None
    await server.pass_time(1)
    assert (await server.activity("v"))["attempt_number"] == 2
    assert (await server.task("v"))["workflow_task_attempt"] == 2


async def test_other_workers_keep_their_leases_however_silent_they_are(
    server: Any, commands: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await server.start("a")
    await server.decide(commands.activity())
    await server.register("old")
    await server.activity("old")
    with caplog.at_level(logging.WARNING):
        for _ in range(29):
            await server.pass_time(10)
            assert await server.poll_activity() is None
    [said] = [each.getMessage() for each in caplog.records if "silent" in each.getMessage()]
    assert said == (
        "worker old of default has been silent for 30 s and does not name what it holds: "
        "1 leases end by their own time"
    )
    await server.pass_time(10)
    assert (await server.activity())["attempt_number"] == 2


async def test_a_goodbye_frees_what_the_session_holds_at_once(server: Any, commands: Any) -> None:
    await join(server, "s")
    workflow_task, activity = await both_kinds(server, commands, "s")
    await join(server, "t")
    assert await goodbye(server, "s") == {
        "worker_id": "w",
        "deregistered": True,
        "released_tasks": 2,
    }
    again = await server.activity("w", session="t")
    assert (again["task_id"], again["attempt_number"]) == (activity["task_id"], 2)
    assert (await server.task("w", session="t"))["task_id"] == workflow_task["task_id"]
    with pytest.raises(Refused) as refused:
        await server.poll("w", session="s")
    assert refused.value.reason == "worker_not_registered"
    assert await goodbye(server, "s") == {
        "worker_id": "w",
        "deregistered": False,
        "released_tasks": 0,
    }
    assert (await beat(server, "t", held_activity(again)))["dropped"] == []


async def test_leases_of_a_replaced_session_are_free_when_it_is_silent_for_two_seconds(
    server: Any, commands: Any, notices: list[Notice]
) -> None:
    await join(server, "old", supported_workflow_types=["flow"])
    await both_kinds(server, commands, "old")
    notices.clear()
    await join(
        server,
        "new",
        supported_workflow_types=["flow"],
        workflow_definition_fingerprints={"flow": "changed"},
    )
    assert WorkerChallenged("default", "w") in notices
    await server.pass_time(1.9)
    assert await server.poll_activity("w", session="new") is None
    await server.pass_time(0.1)
    assert (await server.activity("w", session="new"))["attempt_number"] == 2
    assert (await server.task("w", session="new"))["workflow_task_attempt"] == 2
    assert "warnings" not in await beat(server, "new")


async def test_a_new_session_may_change_what_it_runs(server: Any) -> None:
    kinds: dict[str, Any] = {"supported_workflow_types": ["a"]}
    await join(server, "old", workflow_definition_fingerprints={"a": "1"}, **kinds)
    await join(server, "new", workflow_definition_fingerprints={"a": "2"}, **kinds)
    with pytest.raises(Refused) as refused:
        await join(server, "new", workflow_definition_fingerprints={"a": "3"}, **kinds)
    assert refused.value.reason == "workflow_definition_changed"


async def test_two_live_sessions_are_both_served_and_both_warned(
    server: Any, commands: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await join(server, "one")
    _, activity = await both_kinds(server, commands, "one")
    await join(server, "two")
    assert "warnings" not in await beat(server, "two")
    with caplog.at_level(logging.WARNING):
        body = await beat(server, "one", held_activity(activity))
        assert body["dropped"] == []
        for _ in range(5):
            await server.pass_time(5)
            for session in ("one", "two"):
                [warning] = (await beat(server, session, held_activity(activity)))["warnings"]
                assert "another live worker" in warning

    def look(read: Read) -> Any:
        return task_queues.describe(read, "default", "q", server.settings, pending_queries=0)

    queue = await server.store.read(look)
    assert all("another live worker" in each["warnings"][0] for each in queue["pollers"])
    said = [each for each in caplog.records if "two live workers" in each.getMessage()]
    assert len(said) == 1
    assert (await beat(server, "two", held_activity(activity)))["dropped"] == [activity["task_id"]]
    assert (await server.complete_activity(activity)).reason is None
    assert (await server.poll("w", session="one")) is not None
    await goodbye(server, "one")
    assert "warnings" not in await beat(server, "two")


async def test_a_worker_without_a_session_keeps_its_leases_when_one_with_a_session_comes(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.activity())
    activity = await server.activity("w")
    await join(server, "new")
    await server.pass_time(100)
    assert await server.poll_activity("w", session="new") is None
    assert (await server.complete_activity(activity)).reason is None


@pytest.mark.parametrize("how", ["goodbye", "silence", "broken"])
async def test_a_task_is_kept_back_for_a_worker_only_while_that_lives(
    server: Any, commands: Any, notices: list[Notice], how: str
) -> None:
    await join(server, "s", "keeper")
    await server.register("v")
    await server.start()
    task = await server.task("keeper", session="s")
    await server.complete(task, commands.activity(), keep_history=True)
    activity = await server.activity("v")
    if how == "silence":
        await server.pass_time(30)
    await server.complete_activity(activity)
    if how != "silence":
        assert await server.poll("v") is None
        notices.clear()
        if how == "goodbye":
            await goodbye(server, "s", "keeper")
        else:
            await leave(server, "keeper", "s")
        assert TaskReady("workflow", "default", "q") in notices
    task = await server.task("v")
    assert "history_after_sequence" not in task


async def test_a_worker_that_is_heard_after_its_connection_broke_gets_what_is_kept_for_it(
    server: Any, commands: Any
) -> None:
    await join(server, "s", "keeper")
    await server.register("v")
    await leave(server, "keeper", "s")
    await beat(server, "s", worker_id="keeper")
    await server.start()
    task = await server.task("keeper", session="s")
    await server.complete(task, commands.activity(), keep_history=True)
    await server.complete_activity(await server.activity("v"))
    assert await server.poll("v") is None
    assert "history_after_sequence" in await server.task("keeper", session="s")


@pytest.mark.parametrize("session", ["s", None])
async def test_workflow_tasks_are_free_two_seconds_after_a_poll_broke_and_activities_stay(
    server: Any, commands: Any, session: str | None
) -> None:
    if session is None:
        await server.register("w")
    else:
        await join(server, session)
    await server.register("v")
    task, activity = await both_kinds(server, commands, session)
    await leave(server, "w", session)
    await server.pass_time(1.9)
    assert await server.poll("v") is None
    await server.pass_time(0.1)
    again = await server.task("v")
    assert (again["task_id"], again["workflow_task_attempt"]) == (task["task_id"], 2)
    await server.pass_time(20)
    assert await server.poll_activity("v") is None
    assert (await server.complete_activity(activity)).reason is None


async def test_a_worker_that_names_what_it_holds_is_missed_when_it_would_be_without_the_break(
    server: Any, commands: Any
) -> None:
    await join(server, "s")
    await both_kinds(server, commands, "s")
    await server.register("v")
    await server.pass_time(10)
    await leave(server, "w", "s")
    await server.pass_time(2)
    await server.task("v")
    await server.pass_time(17.9)
    assert await server.poll_activity("v") is None
    await server.pass_time(0.1)
    assert (await server.activity("v"))["attempt_number"] == 2


@pytest.mark.parametrize("how", ["poll", "heartbeat", "registration"])
async def test_a_worker_that_is_heard_after_its_poll_broke_keeps_its_workflow_task(
    server: Any, commands: Any, how: str
) -> None:
    await join(server, "s")
    await server.register("v")
    await server.start()
    task = await server.task("w", session="s")
    for _ in range(3):
        await leave(server, "w", "s")
        await server.pass_time(1.9)
        if how == "poll":
            assert await server.poll("w", session="s") is None
        elif how == "heartbeat":
            assert (await beat(server, "s", held_workflow(task)))["dropped"] == []
        else:
            await join(server, "s")
        await server.pass_time(3)
        assert await server.poll("v") is None
    assert (await server.complete(task, commands.done())).reason is None


async def test_polls_after_a_break_do_not_stand_for_heartbeats(server: Any, commands: Any) -> None:
    await join(server, "s")
    await both_kinds(server, commands, "s")
    await server.register("v")
    await server.pass_time(10)
    await leave(server, "w", "s")
    await server.pass_time(1)
    assert await server.poll("w", session="s") is None
    await server.pass_time(18.9)
    assert await server.poll_activity("v") is None
    await server.pass_time(0.1)
    assert (await server.activity("v"))["attempt_number"] == 2


async def test_a_replaced_session_whose_poll_breaks_is_still_missed_in_two_seconds(
    server: Any, commands: Any
) -> None:
    await join(server, "old")
    await both_kinds(server, commands, "old")
    await leave(server, "w", "old")
    await server.pass_time(1)
    await join(server, "new")
    await leave(server, "w", "old")
    await server.pass_time(2)
    assert (await server.activity("w", session="new"))["attempt_number"] == 2
    assert (await server.task("w", session="new"))["workflow_task_attempt"] == 2


async def test_a_broken_request_of_a_worker_with_a_stream_frees_nothing(
    server: Any, commands: Any
) -> None:
    await join(server, "s")
    await server.register("v")
    await both_kinds(server, commands, "s")
    await server.store.run(open_stream)
    await leave(server, "w", "s")
    await server.pass_time(5)
    assert await server.poll("v") is None


def open_stream(tx: Tx) -> None:
    worker = workers.find(tx, "default", "w", "s")
    assert worker is not None
    workers.stream_opened(tx, worker, tx.now + 30 * SECOND)


async def test_heartbeats_are_asked_for_as_often_as_leases_need_them(server: Any) -> None:
    server.configure(workflow_lease_seconds=3, activity_lease_seconds=6)
    assert (await join(server, "s"))["heartbeat_interval_seconds"] == 1
    asked = await join(server, "s", heartbeat_interval_seconds=3600)
    assert asked["heartbeat_interval_seconds"] == 1
    assert (await server.register("v"))["heartbeat_interval_seconds"] == 10


async def test_heartbeats_that_no_server_could_hear_are_not_missed(
    server: Any, commands: Any
) -> None:
    await join(server, "s")
    await server.start()
    await server.decide(commands.activity(heartbeat_timeout=5))
    activity = await server.activity("w", session="s")
    await server.pass_time(3)
    assert (await server.beat(activity)).body["reason"] is None
    server.clock.advance(3600)
    await server.run(sessions.await_return)
    await server.pass_time(4)
    assert (await server.beat(activity)).body["reason"] is None
    await server.pass_time(6)
    assert (await server.beat(activity)).body["reason"] == "stale_attempt"


async def test_silence_while_there_was_no_server_frees_nothing(server: Any, commands: Any) -> None:
    await join(server, "s")
    workflow_task, activity = await both_kinds(server, commands, "s")
    server.clock.advance(3600)
    await server.run(sessions.await_return)
    await server.pass_time(25)
    held = [held_workflow(workflow_task), held_activity(activity)]
    assert (await beat(server, "s", *held))["dropped"] == []
    assert (await server.complete_activity(activity)).reason is None
    await server.pass_time(31)
    assert await server.task("w", session="s") is not None


@pytest.mark.parametrize("capabilities", [[], ["deregister", "sticky_history"]])
async def test_leases_of_sessions_that_do_not_name_what_they_hold_end_by_their_own_time(
    server: Any, commands: Any, capabilities: list[str]
) -> None:
    """Also where there was no server meanwhile: from their silence nothing follows, ever."""
    await join(server, "s", capabilities=capabilities)
    await both_kinds(server, commands, "s")
    server.clock.advance(3600)
    await server.run(sessions.await_return)
    await server.pass_time(1)
    await join(server, "v", worker_id="v")
    assert (await server.activity("v", session="v"))["attempt_number"] == 2
    assert (await server.task("v", session="v"))["workflow_task_attempt"] == 2


async def test_what_an_operator_has_taken_out_ends_by_its_own_time_too(
    server: Any, commands: Any
) -> None:
    await join(server, "s")
    await both_kinds(server, commands, "s")
    asked = NamedWorker(worker_id="w")
    await server.run(sessions.remove, server.caller, asked)
    server.clock.advance(3600)
    await server.run(sessions.await_return)
    await server.pass_time(1)
    await join(server, "v", worker_id="v")
    assert (await server.activity("v", session="v"))["attempt_number"] == 2
    assert (await server.task("v", session="v"))["workflow_task_attempt"] == 2
