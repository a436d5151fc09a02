"""Code that holds the event loop is named, with its activity and line."""

# pyright: reportPrivateUsage=false
import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from durable_workflow.worker import Worker
from durable_workflow.worker._activity_tasks import ActivityTasks
from durable_workflow.worker._loop_watch import LoopWatch

HELD = "has held the event loop for more than 0.04 s, at"


@pytest.fixture
async def watch() -> AsyncIterator[LoopWatch]:
    watched = LoopWatch(ActivityTasks.run_attempt.__code__, tick_seconds=0.01)
    watched.start()
    yield watched
    watched.stop()


def hold(caplog: pytest.LogCaptureFixture, place: str) -> None:
    """Keep the thread until somebody has noticed that it is held there.

    Whatever a busy machine holds up right before it is named in its place, and then not this.
    """
    deadline = time.monotonic() + 1
    while place not in caplog.text and time.monotonic() < deadline:
        pass


async def test_an_activity_that_holds_the_loop_is_named_with_its_line(
    server: Any, watch: LoopWatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = "in compute (hold(caplog, place)), in "

    async def compute() -> None:
        while place not in caplog.text:
            await asyncio.sleep(0.02)  # the loop ticks
            hold(caplog, place)

    worker = Worker(server, task_queue="q", activities=[compute])
    task = {
        "task_id": "t", "activity_attempt_id": "a", "activity_type": "compute",
        "workflow_id": "order-1", "run_id": "r-1",
    }  # fmt: skip
    assert await worker._run_activity_task(task) == "completed"
    [line] = [each for each in caplog.messages if place in each]
    assert line.startswith("activity compute of workflow order-1, run r-1 " + HELD)
    assert "test_loop_watch.py" in line


async def test_other_code_that_holds_the_loop_is_named_too(
    watch: LoopWatch, caplog: pytest.LogCaptureFixture
) -> None:
    while "in hold" not in caplog.text:
        asyncio.get_running_loop().call_soon(hold, caplog, "in hold")
        await asyncio.sleep(0.02)
    [line] = [each for each in caplog.messages if "in hold" in each]
    assert line.startswith(f"code {HELD}")


async def test_a_loop_that_waits_is_not_named(
    watch: LoopWatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ticked = asyncio.Event()
    tick = watch._tick

    def count(loop: asyncio.AbstractEventLoop) -> None:
        tick(loop)
        if watch._ticks > 10:
            ticked.set()

    watch._tick = count  # type: ignore[method-assign]
    await asyncio.wait_for(ticked.wait(), 10)
    named = [each for each in caplog.messages if HELD in each]
    # A busy machine may hold up the code of the test.
    assert [each for each in named if "test_loop_watch.py" not in each] == []


async def test_the_watch_ends_with_its_worker(server: Any) -> None:
    before = set(threading.enumerate())  # that of another test may not have ended yet
    worker = Worker(server, task_queue="q")
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("poll_workflow_task"))
    [thread] = [each for each in set(threading.enumerate()) - before if each.name == "loop-watch"]
    await worker.stop()
    await running
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()
