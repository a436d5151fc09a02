"""How a worker ends."""

# pyright: reportPrivateUsage=false
import asyncio
import contextlib
import threading
from typing import Any

import pytest

from durable_workflow.worker import Worker, _lifecycle


def _task(activity_type: str) -> dict[str, Any]:
    return {"task_id": activity_type, "activity_attempt_id": "1", "activity_type": activity_type}


async def test_stop_lets_tasks_finish_and_run_waits_for_them(server: Any) -> None:
    release = asyncio.Event()

    async def slow() -> str:
        await release.wait()
        return "done"

    server.put("activity", _task("slow"))
    worker = Worker(server, task_queue="q", activities=[slow])
    running = asyncio.create_task(worker.run())
    await server.until(lambda: worker._in_flight)
    stopping = [asyncio.create_task(worker.stop()) for _ in range(2)]
    await worker._stop.wait()
    polls = server.count("poll_activity_task")
    assert not running.done()
    release.set()
    await asyncio.gather(*stopping, running)
    assert server.count("complete_activity_task") == 1
    assert server.count("poll_activity_task") == polls
    await worker.stop()


async def test_tasks_are_cancelled_after_the_shutdown_timeout(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    server.put("activity", _task("endless"))
    worker = Worker(server, task_queue="q", activities=[endless], shutdown_timeout=0.05)
    running = asyncio.create_task(worker.run())
    await server.until(lambda: worker._in_flight)
    await worker.stop()
    await running
    assert not worker._in_flight
    assert "cancelling 1 tasks after the shutdown timeout" in caplog.text
    assert server.count("fail_activity_task") == 0


async def test_an_activity_that_swallows_its_cancellation_does_not_hold_the_worker(
    server: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    monkeypatch.setattr(_lifecycle, "_UNWINDING_SECONDS", 0.05)
    server.put("activity", _task("stubborn"))
    worker = Worker(server, task_queue="q", activities=[stubborn], shutdown_timeout=0.05)
    running = asyncio.create_task(worker.run())
    await server.until(lambda: worker._in_flight)
    (left,) = worker._in_flight
    async with asyncio.timeout(5):
        await worker.stop()
        await running
    assert "1 tasks do not let themselves be cancelled" in caplog.text
    release.set()
    await left


async def test_a_thread_that_never_ends_does_not_hold_the_worker(server: Any) -> None:
    release = threading.Event()

    def endless() -> None:
        release.wait(30)

    server.put("activity", _task("endless"))
    worker = Worker(server, task_queue="q", activities=[endless], shutdown_timeout=0.05)
    running = asyncio.create_task(worker.run())
    await server.until(lambda: worker._in_flight)
    async with asyncio.timeout(5):
        await worker.stop()
        await running
    release.set()


async def test_an_activity_may_stop_its_own_worker(server: Any) -> None:
    async def last() -> str:
        await worker.stop()
        return "good night"

    server.put("activity", _task("last"))
    worker = Worker(server, task_queue="q", activities=[last])
    async with asyncio.timeout(5):
        await worker.run()
        await server.until(lambda: server.count("complete_activity_task") == 1)


async def test_being_cancelled_is_absorbed(server: Any) -> None:
    worker = Worker(server, task_queue="q")
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("poll_activity_task") > 0)
    running.cancel()
    await running
    assert not running.cancelled()
    assert worker._stop.is_set()
    assert all(poller.done() for poller in worker._pollers.tasks)


async def test_being_cancelled_while_registering_is_absorbed(server: Any) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    server.on["get_cluster_info"] = never
    worker = Worker(server, task_queue="q")
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("get_cluster_info") > 0)
    running.cancel()
    await running
    assert server.count("register_worker") == 0


async def test_a_task_that_arrives_while_the_worker_stops_is_done(server: Any) -> None:
    polled = asyncio.Event()

    async def answer_late(**_: Any) -> dict[str, Any] | None:
        polled.set()
        await worker._stop.wait()
        server.on.clear()
        return _task("late")

    async def late() -> str:
        return "done all the same"

    server.on["poll_activity_task"] = answer_late
    worker = Worker(server, task_queue="q", activities=[late], max_concurrent_activity_tasks=1)
    running = asyncio.create_task(worker.run())
    await polled.wait()
    await worker.stop()
    await running
    assert server.count("complete_activity_task") == 1


async def test_stopping_what_never_ran_is_fine(server: Any) -> None:
    worker = Worker(server, task_queue="q")
    await worker.stop()
    await worker.run()
    assert server.count("poll_workflow_task") == 0


async def test_a_stopped_worker_says_that_it_does_not_run_again(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(server, task_queue="q", worker_id="tired", activities=[len])
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("poll_activity_task"))
    await worker.stop()
    await running
    assert not [each for each in caplog.records if "was stopped" in each.getMessage()]
    await asyncio.wait_for(worker.run(), 5)
    [said] = [each for each in caplog.records if "was stopped" in each.getMessage()]
    assert said.levelname == "WARNING"
    assert "worker tired was stopped" in said.getMessage()
    assert "task queue q again" in said.getMessage()
