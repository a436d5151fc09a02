"""A server's clock that skips time, moved by what the server does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from durable_workflow.server.app import create_app
from durable_workflow.server.clock import MICROSECONDS, ManualClock, SkippingClock
from durable_workflow.server.embedded import embedded_server
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import Settings

DAY_SECONDS = 86_400
DAY = DAY_SECONDS * MICROSECONDS
VERSIONS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.1",
}


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock(start=0)


@pytest.fixture
async def server(clock: SkippingClock) -> AsyncIterator[Server]:
    server = Server(Settings(db=":memory:"), clock=clock)
    await server.start()
    yield server
    await server.stop()


async def until_it_is(clock: SkippingClock, moment: int) -> None:
    async with asyncio.timeout(20):
        while clock.now() < moment:  # noqa: ASYNC110 (a clock tells nobody)
            await asyncio.sleep(0.01)


async def test_it_runs_while_nobody_works(server: Server, clock: SkippingClock) -> None:
    began = time.monotonic()
    for _ in range(2):  # the first step may bring time that has passed before
        await until_it_is(clock, clock.now() + 1)
    came = clock.now()
    await until_it_is(clock, came + 200_000)
    assert clock.now() - came <= (time.monotonic() - began + 0.1) * MICROSECONDS


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


async def test_what_falls_due_meanwhile_is_done_at_its_own_moment(
    server: Server, clock: SkippingClock
) -> None:
    async with worked_on(server) as http:
        # Some of them are due at the very same moment, more than one unit does.
        await start_sleepers(http, [60] * 25 + [DAY_SECONDS] * 5)
        before = clock.now()
        await asyncio.wrap_future(clock.advance(10 * DAY_SECONDS))
        fired = await fired_at(http, 30)
    assert list(map(len, fired)) == [1] * 30
    late = [times[0] - before for times in fired]
    assert all(0 <= each <= 60 * MICROSECONDS for each in late[:25])
    assert all(DAY - 60 * MICROSECONDS < each <= DAY for each in late[25:])


async def test_what_raises_at_the_end_of_a_jump_is_set_aside_and_time_goes_on(
    server: Server, clock: SkippingClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with worked_on(server) as http:
        await start_sleepers(http, [60, 60])
        writer = server.store._database.writer  # pyright: ignore[reportPrivateUsage]
        writer.execute(
            "CREATE TRIGGER broken BEFORE UPDATE ON timers WHEN old.run_id = "
            "(SELECT current_run_id FROM workflow_instances WHERE workflow_id = 'w0') "
            "BEGIN SELECT RAISE(ABORT, 'out of order'); END"
        )
        await asyncio.wrap_future(clock.advance(120))
        assert list(map(len, await fired_at(http, 2))) == [0, 1]
        assert "could not be handled, set aside" in caplog.text
        writer.execute("DROP TRIGGER broken")
        await asyncio.wrap_future(clock.advance(120))
        assert list(map(len, await fired_at(http, 2))) == [1, 1]


@contextlib.asynccontextmanager
async def worked_on(server: Server) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a server on which a worker is registered."""
    transport = httpx.ASGITransport(create_app(server))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://t/api", headers=VERSIONS, timeout=30
    ) as http:
        worker = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
        (await http.post("/worker/register", json=worker)).raise_for_status()
        yield http


async def start_sleepers(http: httpx.AsyncClient, lengths: list[int]) -> None:
    """Start workflows that have decided to sleep for so many seconds."""
    worker = {"worker_id": "w", "task_queue": "q", "lease_owner": "w"}
    for number, length in enumerate(lengths):
        body = {"workflow_id": f"w{number}", "workflow_type": "t", "task_queue": "q"}
        (await http.post("/workflows", json=body)).raise_for_status()
        task = (await http.post("/worker/workflow-tasks/poll", json=worker)).json()["task"]
        commands = [{"type": "start_timer", "delay_seconds": length}]
        completion = worker | {"workflow_task_attempt": 1, "commands": commands}
        path = f"/worker/workflow-tasks/{task['task_id']}/complete"
        (await http.post(path, json=completion)).raise_for_status()


async def fired_at(http: httpx.AsyncClient, count: int) -> list[list[int]]:
    """When the timers of each workflow have fired."""
    found: list[list[int]] = []
    for number in range(count):
        run_id = (await http.get(f"/workflows/w{number}")).json()["run_id"]
        path = f"/workflows/w{number}/runs/{run_id}/history"
        events = (await http.get(path)).json()["events"]
        found.append([moment(each) for each in events if each["event_type"] == "TimerFired"])
    return found


def moment(event: dict[str, Any]) -> int:
    """When an event was recorded, in microseconds since 1970."""
    at = datetime.fromisoformat(event["timestamp"])
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


async def test_another_clock_cannot_skip() -> None:
    with pytest.raises(ValueError, match="SkippingClock"):
        async with embedded_server(clock=ManualClock(), time_skipping=True):
            pass
