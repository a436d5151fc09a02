"""What a worker holds: named in heartbeats, stopped when it is dropped, given back at the end."""

# pyright: reportPrivateUsage=false
import asyncio
import logging
import threading
import time
from typing import Any

import pytest

from durable_workflow import activity
from durable_workflow._meet import register_transport_clone
from durable_workflow.errors import ActivityCancelled
from durable_workflow.worker import Worker, _lifecycle
from durable_workflow.worker._held import HeldTasks

EXTENSIONS = {"held_tasks": 1, "deregister": 1}


@pytest.fixture
def holding(server: Any, info: Any) -> Any:
    """The server, with the extensions. It holds no heartbeat unless a test has it do so."""
    server.info = info(extensions=EXTENSIONS)
    return server


def task(activity_type: str) -> dict[str, Any]:
    return {"task_id": "t-1", "activity_attempt_id": "a-1", "activity_type": activity_type}


async def serve(server: Any, function: Any, **options: Any) -> tuple[Worker, asyncio.Task[None]]:
    server.put("activity", task(function.__name__))
    options = {"heartbeat_interval": 0.01, "shutdown_timeout": 0.05} | options
    worker = Worker(server, task_queue="q", activities=[function], **options)
    running = asyncio.create_task(worker.run())
    await server.until(lambda: worker._in_flight)
    return worker, running


async def test_heartbeats_name_what_is_held_until_it_is_reported(holding: Any) -> None:
    release = asyncio.Event()

    async def slow() -> None:
        await release.wait()

    worker, running = await serve(holding, slow)
    await holding.until(
        lambda: any(beat["held_tasks"] for beat in holding.calls["heartbeat_worker"])
    )
    beat = next(beat for beat in holding.calls["heartbeat_worker"] if beat["held_tasks"])
    assert beat["held_tasks"] == [{"kind": "activity", "task_id": "t-1", "attempt": "a-1"}]
    session = holding.calls["register_worker"][0]["session"]
    assert beat["session"] == session == holding.calls["poll_activity_task"][0]["session"]
    assert beat["wait_seconds"] == 1
    assert {"held_tasks", "deregister"} <= set(holding.calls["register_worker"][0]["capabilities"])
    release.set()
    await holding.until(lambda: holding.count("complete_activity_task"))
    await holding.until(lambda: not holding.calls["heartbeat_worker"][-1]["held_tasks"])
    await worker.stop()
    await running
    [goodbye] = holding.calls["release_worker"]
    assert goodbye == {"worker_id": worker.worker_id, "session": session}


async def test_a_server_without_the_extensions_sees_nothing_of_them(server: Any) -> None:
    async def quick() -> None:
        pass

    worker, running = await serve(server, quick)
    await server.until(lambda: server.count("heartbeat_worker") >= 2)
    await worker.stop()
    await running
    for method in ("register_worker", "heartbeat_worker", "poll_activity_task"):
        for call in server.calls[method]:
            assert not call.keys() & {"session", "held_tasks", "wait_seconds"}
    assert server.count("release_worker") == 0


async def test_a_dropped_coroutine_is_cancelled_and_not_reported(holding: Any) -> None:
    ended = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    holding.heartbeat_reply = {"acknowledged": True, "dropped": ["t-1"]}
    worker, running = await serve(holding, slow)
    await asyncio.wait_for(ended.wait(), 5)
    await holding.until(lambda: not worker._in_flight)
    await worker.stop()
    await running
    assert holding.count("complete_activity_task") == holding.count("fail_activity_task") == 0


async def test_a_dropped_coroutine_that_swallows_its_cancellation_is_not_reported(
    holding: Any,
) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except ActivityCancelled:
            assert activity.context().is_cancelled
        return "done all the same"

    holding.heartbeat_reply = {"acknowledged": True, "dropped": ["t-1"]}
    worker, running = await serve(holding, stubborn)
    await holding.until(lambda: holding.count("heartbeat_worker") >= 3)
    await asyncio.wait(worker._in_flight, timeout=5) if worker._in_flight else None
    await worker.stop()
    await running
    assert holding.count("complete_activity_task") == 0


async def test_a_dropped_thread_is_told_with_its_next_heartbeat(holding: Any) -> None:
    told = threading.Event()

    def busy() -> None:
        context = activity.context()
        deadline = time.monotonic() + 10
        while not context.is_cancelled and time.monotonic() < deadline:
            time.sleep(0.001)
        try:
            context.heartbeat_sync()
        except ActivityCancelled:
            told.set()
            raise

    holding.heartbeat_reply = {"acknowledged": True, "dropped": ["t-1"]}
    worker, running = await serve(holding, busy)
    assert await asyncio.to_thread(told.wait, 10)
    assert holding.count("heartbeat_activity_task") == 0
    await worker.stop()
    await running
    assert holding.count("fail_activity_task") == 0


async def test_a_heartbeat_goes_out_while_the_event_loop_is_blocked(holding: Any) -> None:
    class Copyable(type(holding)):  # type: ignore[misc]
        pass

    sent = threading.Event()

    class Other:
        async def heartbeat_worker(self, **arguments: Any) -> Any:
            if arguments["held_tasks"]:
                sent.set()
            return {"acknowledged": True}

    holding.__class__ = Copyable

    def copy(_: Any) -> Other:
        return Other()

    register_transport_clone(Copyable, copy)
    seen: list[bool] = []

    async def blocks() -> None:
        seen.append(sent.wait(10))

    worker, running = await serve(holding, blocks)
    await holding.until(lambda: holding.count("complete_activity_task"))
    assert seen == [True]
    thread = worker._background.thread
    assert thread is not None
    await worker.stop()
    await running
    await thread.join(5)
    assert not thread.thread.is_alive()


async def test_the_warnings_of_the_server_are_logged_once(
    holding: Any, caplog: pytest.LogCaptureFixture
) -> None:
    holding.heartbeat_reply = {"acknowledged": True, "warnings": ["another live worker"]}
    worker = Worker(holding, task_queue="q", activities=[len])
    await worker._register()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await worker._heartbeats.beat()
    assert caplog.text.count("another live worker") == 1


async def test_a_held_heartbeat_is_followed_by_the_next_at_once(holding: Any) -> None:
    async def hold(**_: Any) -> None:
        await asyncio.sleep(0)

    holding.on["heartbeat_worker"] = hold
    holding.heartbeat_reply = {
        "acknowledged": True,
        "heartbeat_interval_seconds": 3600,
        "wait_seconds": 60,
    }
    worker = Worker(holding, task_queue="q", activities=[len], heartbeat_interval=3600)
    running = asyncio.create_task(worker.run())
    await holding.until(lambda: holding.count("heartbeat_worker") >= 2)
    await worker.stop()
    await running


async def test_being_cancelled_says_goodbye(holding: Any) -> None:
    worker = Worker(holding, task_queue="q", activities=[len])
    running = asyncio.create_task(worker.run())
    await holding.until(lambda: holding.count("poll_activity_task"))
    running.cancel()
    await running
    assert holding.count("release_worker") == 1
    await worker.stop()
    assert holding.count("release_worker") == 1


async def test_a_goodbye_that_gets_no_answer_holds_up_nothing(
    holding: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(**_: Any) -> None:
        await asyncio.Event().wait()

    assert _lifecycle._GOODBYE_SECONDS < 1
    monkeypatch.setattr(_lifecycle, "_GOODBYE_SECONDS", 0.05)
    holding.on["release_worker"] = never
    worker = Worker(holding, task_queue="q", activities=[len])
    running = asyncio.create_task(worker.run())
    await holding.until(lambda: holding.count("poll_activity_task"))
    async with asyncio.timeout(20):
        await worker.stop()
        await running
    assert "could not say goodbye: TimeoutError" in caplog.text


async def test_a_client_that_was_closed_first_is_said_to_be_the_cause_of_no_goodbye(
    holding: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def closed(**_: Any) -> None:
        raise RuntimeError("the client has been closed")

    holding.on["release_worker"] = closed
    worker = Worker(holding, task_queue="q", activities=[len])
    running = asyncio.create_task(worker.run())
    await holding.until(lambda: holding.count("poll_activity_task"))
    running.cancel()
    await running
    assert "stop a worker before its client is closed (the client has been closed)" in caplog.text


async def test_an_activity_that_stops_its_worker_is_reported_before_anybody_else_gets_it(
    holding: Any,
) -> None:
    async def last() -> None:
        await worker.stop()

    holding.put("activity", task("last"))
    worker = Worker(holding, task_queue="q", activities=[last])
    async with asyncio.timeout(5):
        await worker.run()
        await holding.until(lambda: holding.count("complete_activity_task") == 1)
    assert holding.count("release_worker") == 0


def test_what_came_again_meanwhile_is_not_dropped_for_the_earlier_attempt() -> None:
    held = HeldTasks()
    with held.holding("workflow", {"task_id": "t", "workflow_task_attempt": 1}):
        earlier = held.named()
    with held.holding("workflow", {"task_id": "t", "workflow_task_attempt": 2}):
        held.drop(earlier, ["t"])
        assert [each["attempt"] for each in held.named()] == [2]
        held.drop(held.named(), "no list")
        assert len(held.named()) == 1
    assert held.named() == []
