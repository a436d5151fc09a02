"""A server's clock that skips time, moved by what the server does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from durable_workflow.server.clock import MICROSECONDS, ManualClock, SkippingClock
from durable_workflow.server.embedded import embedded_server
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import Settings

DAY = 86_400 * MICROSECONDS


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock(start=0)


@pytest.fixture
async def server(clock: SkippingClock) -> AsyncIterator[Server]:
    server = Server(Settings(db=":memory:"), clock=clock)
    await server.start()
    yield server
    await server.stop()


async def test_it_runs_while_nobody_works(server: Server, clock: SkippingClock) -> None:
    began = time.monotonic()
    async with asyncio.timeout(5):
        while clock.now() < 200_000:  # noqa: ASYNC110 (a clock tells nobody)
            await asyncio.sleep(0.01)
    assert clock.now() <= (time.monotonic() - began + 0.1) * MICROSECONDS


async def test_it_goes_where_it_is_asked_to(server: Server, clock: SkippingClock) -> None:
    before = clock.now()
    async with asyncio.timeout(5):
        await asyncio.gather(
            asyncio.wrap_future(clock.advance(86_400)), asyncio.wrap_future(clock.advance(60))
        )
    assert DAY <= clock.now() - before < DAY + 5 * MICROSECONDS


async def test_questions_keep_real_time(server: Server, clock: SkippingClock) -> None:
    server.queries.note_poll("default", "q", "w")
    await asyncio.wrap_future(clock.advance(86_400))
    assert server.queries.pollers("default", "q") == {"w"}


async def test_who_waits_is_told_that_the_server_stops(clock: SkippingClock) -> None:
    server = Server(Settings(db=":memory:"), clock=clock)
    await server.start()
    passing = clock.advance(1)
    await server.stop()
    if (error := passing.exception(timeout=5)) is not None:
        assert "stopped" in str(error)
    with pytest.raises(RuntimeError, match="no running server"):
        clock.advance(1)


@pytest.mark.parametrize("length", [-1, float("nan")])
def test_time_does_not_run_backwards(clock: SkippingClock, length: float) -> None:
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(length)
    clock.move_to(-5)
    assert clock.now() == 0


async def test_another_clock_cannot_skip() -> None:
    with pytest.raises(ValueError, match="SkippingClock"):
        async with embedded_server(clock=ManualClock(), time_skipping=True):
            pass
