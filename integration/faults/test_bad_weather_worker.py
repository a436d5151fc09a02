"""A worker in bad weather: no task is lost, and nothing stays open behind it."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import Client, Worker, activity, workflow
from durable_workflow.client import _worker_calls
from durable_workflow.client._stream import _connecting
from durable_workflow.worker import _compatibility
from durable_workflow.workflow import WorkflowContext
from integration.harness.bad_weather import BAD_WEATHER
from integration.harness.forwarder import fair, forwarder
from integration.harness.histories import types, violations
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually

TIMEOUT = 0.5
STORM_SECONDS = 0.4
gates: dict[str, tuple[asyncio.Event, asyncio.Event]] = {}


@activity.defn(name="weathers")
async def weathers(gate: str) -> str:
    begun, opened = gates[gate]
    begun.set()
    await opened.wait()
    return gate


@workflow.defn(name="weathered")
class Weathered:
    def run(self, ctx: WorkflowContext, gate: str) -> Generator[Any, Any, Any]:
        first = yield ctx.schedule_activity("weathers", [gate])
        return (yield ctx.schedule_activity("weathers", [first]))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    db: Path = tmp_path_factory.mktemp("weather") / "state.db"
    # A task whose delivery was lost is free again once a heartbeat does not name it.
    environment = {"DW_WORKER_POLL_TIMEOUT": "1", "DW_HEARTBEAT_INTERVAL_SECONDS": "1"}
    with ServerProcess(db, environment=environment) as server:
        yield server


@pytest.fixture(params=["stream", "httpx", "aiohttp"])
def carrier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What carries the tasks of workers: a stream, or polls over one of the transports."""
    name: str = request.param
    monkeypatch.setenv("DW_HTTP_CLIENT", "httpx" if name == "httpx" else "")
    # A stream that says nothing is given up after half a minute otherwise.
    monkeypatch.setattr(_connecting, "_OPEN_SECONDS", TIMEOUT)
    monkeypatch.setattr(_connecting, "_PING_SECONDS", 0.2)
    monkeypatch.setattr(_connecting, "_PONG_SECONDS", 0.5)
    # As is an answer to a poll or to a heartbeat, which the server may hold for long.
    monkeypatch.setattr(_compatibility, "_LONG_POLL_MARGIN_SECONDS", TIMEOUT)
    monkeypatch.setattr(_worker_calls, "_HOLD_GRACE_SECONDS", TIMEOUT)
    return name


@pytest.mark.parametrize("weather", BAD_WEATHER)
async def test_a_worker_loses_no_task_and_leaves_nothing_open(
    server: ServerProcess, carrier: str, weather: str
) -> None:
    queue = f"weather-{uuid.uuid4().hex[:8]}"
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    async with forwarder(server.url) as proxy, Client(server.url) as caller:
        proxy.lets_upgrade = carrier == "stream"
        async with Client(proxy.url, timeout=TIMEOUT) as client:
            if carrier == "aiohttp":
                fast = client._fast  # pyright: ignore[reportPrivateUsage]
                assert fast is not None
                fast.transport.load()  # type: ignore[attr-defined]  # it is an AiohttpTransport
            worker = Worker(
                client,
                task_queue=queue,
                workflows=[Weathered],
                activities=[weathers],
                poll_timeout=1.5,
                shutdown_timeout=5.0,
            )
            running = asyncio.create_task(worker.run())
            ids = [f"{queue}-{number}" for number in range(2)]
            gates.update({each: (asyncio.Event(), asyncio.Event()) for each in ids})
            handles = [await begin(caller, queue, ids[0])]
            await asyncio.wait_for(gates[ids[0]][0].wait(), 10)
            proxy.weather = BAD_WEATHER[weather]
            gates[ids[0]][1].set()  # its activity ends in the storm
            handles.append(await begin(caller, queue, ids[1]))  # and this comes up in it
            gates[ids[1]][1].set()
            await asyncio.sleep(STORM_SECONDS)  # the fault itself
            proxy.weather = fair
            for handle, gate in zip(handles, ids, strict=True):
                assert await handle.result(timeout=15) == gate
                history = await caller.get_history(handle.workflow_id, handle.run_id)
                assert violations(history["events"]) == []
                assert types(history["events"]).count("ActivityCompleted") == 2
            await worker.stop()
            await running
        await eventually(lambda: _number(proxy.open), lambda seen: seen == 0, within=3)
    await eventually(lambda: _left(tasks, threads), lambda seen: not seen, within=3)


async def begin(client: Client, queue: str, workflow_id: str) -> Any:
    return await client.start_workflow(
        workflow_type="weathered", task_queue=queue, workflow_id=workflow_id, input=[workflow_id]
    )


async def _left(tasks: set[asyncio.Task[Any]], threads: set[threading.Thread]) -> list[object]:
    """Tasks and threads that were not there before, but for those that stay with the process."""
    there = [each for each in asyncio.all_tasks() - tasks if not each.done()]
    running = [each for each in set(threading.enumerate()) - threads if each.is_alive()]
    stays = ("asyncio_", "loop-watchdog")
    return [*there, *(each for each in running if not each.name.startswith(stays))]


async def _number(number: int) -> int:
    return number
