"""Heartbeats that are held."""

from __future__ import annotations

import asyncio

from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.notices import WorkerChallenged


def nobody_leaves() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def test_it_ends_when_the_worker_is_challenged() -> None:
    dispatcher = Dispatcher(10)
    with dispatcher.heartbeat("default", "w") as held:
        waiting = asyncio.create_task(held.wait(60, nobody_leaves))
        await asyncio.sleep(0)
        dispatcher.publish([WorkerChallenged("default", "other"), WorkerChallenged("other", "w")])
        await asyncio.sleep(0)
        assert not waiting.done()
        dispatcher.publish([WorkerChallenged("default", "w")])
        assert await asyncio.wait_for(waiting, 5)


async def test_a_challenge_that_comes_before_it_is_held_counts() -> None:
    dispatcher = Dispatcher(10)
    with dispatcher.heartbeat("default", "w") as held:
        dispatcher.publish([WorkerChallenged("default", "w")])
        assert await asyncio.wait_for(held.wait(60, nobody_leaves), 5)


async def test_it_ends_when_its_time_is_up_and_when_the_server_stops() -> None:
    dispatcher = Dispatcher(10)
    with dispatcher.heartbeat("default", "w") as held:
        assert await asyncio.wait_for(held.wait(0.01, nobody_leaves), 5)
        waiting = asyncio.create_task(held.wait(60, nobody_leaves))
        await asyncio.sleep(0)
        dispatcher.close()
        assert await asyncio.wait_for(waiting, 5)
    with dispatcher.heartbeat("default", "w") as held:
        assert await asyncio.wait_for(held.wait(60, nobody_leaves), 5)


async def test_it_says_when_the_worker_has_left() -> None:
    dispatcher = Dispatcher(10)
    gone = asyncio.get_running_loop().create_future()
    with dispatcher.heartbeat("default", "w") as held:
        waiting = asyncio.create_task(held.wait(60, lambda: gone))
        await asyncio.sleep(0)
        gone.set_result(None)
        assert not await asyncio.wait_for(waiting, 5)


async def test_where_too_many_are_held_it_is_answered_at_once() -> None:
    dispatcher = Dispatcher(0)
    with dispatcher.heartbeat("default", "w") as held:
        assert await asyncio.wait_for(held.wait(60, nobody_leaves), 5)
    assert dispatcher.admission.held == 0
