"""What becomes of tasks when the stream of a worker, or either end of it, fails."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import signal
import time
from collections.abc import Generator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import (
    Client,
    Worker,
    WorkflowFailed,
    WorkflowHandle,
    activity,
    workflow,
)
from durable_workflow.client._stream._pauses import Pauses
from durable_workflow.server.service_settings import ServiceSettings
from integration.faults.lasting import QUEUE, WORKFLOWS
from integration.faults.lasting_scene import PROGRAMS, history, output_of, start, until_started
from integration.harness.forwarder import forwarder
from integration.harness.histories import types, violations
from integration.harness.processes import ServerProcess, worker_process
from integration.harness.waiting import eventually

# A worker that is silent for 3 s is missed, and not after 30 s.
IMPATIENT = {"DW_HEARTBEAT_INTERVAL_SECONDS": "1"}
# A stream that was cut may take so long to come back, of which the machine may need much. That it
# comes within a second where nothing holds it up is a test of its own.
PATIENT = {"DW_STREAM_GRACE_SECONDS": "30"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "state.db") as server:
        yield server


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "patient.db", environment=PATIENT) as server:
        yield server


async def assert_done_by(client: Client, handle: WorkflowHandle, attempt: int) -> None:
    """The workflow ends with this attempt of its activity, and no other was begun or counted."""
    result = await handle.result(timeout=60)
    events = await history(client, handle)
    assert result["attempt"] == attempt, types(events)
    assert types(events).count("ActivityStarted") == attempt
    assert types(events).count("ActivityCompleted") == 1
    assert violations(events) == []


@pytest.mark.parametrize("seconds", [0.5, 2.0])
async def test_a_worker_that_is_stopped_for_a_moment_keeps_its_task(
    server: ServerProcess, client: Client, seconds: float
) -> None:
    handle = await start(client, "sleeps", 3)
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE) as worker:
        await until_started(client, handle, worker=worker)
        os.killpg(worker.pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)  # the fault itself
        os.killpg(worker.pid, signal.SIGCONT)
        await assert_done_by(client, handle, 1)


@pytest.mark.parametrize(("environment", "silent"), [(IMPATIENT, 5.0), ({}, 40.0)])
async def test_a_worker_that_is_stopped_for_long_loses_its_task_and_reports_it_in_vain(
    tmp_path: Path, environment: dict[str, str], silent: float
) -> None:
    with ServerProcess(tmp_path / "state.db", environment=environment) as server:
        async with Client(server.url) as client:
            handle = await start(client, "sleeps", 4)
            with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="one") as one:
                await until_started(client, handle, worker=one)
                os.killpg(one.pid, signal.SIGSTOP)
                began = time.monotonic()
                with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="two"):
                    await assert_done_by(client, handle, 2)
                    # Three heartbeats that were missed, the grace, and the second attempt, and
                    # what it takes to start a process; a lease would take minutes.
                    assert time.monotonic() - began < (31 if silent == 40 else 5) + 20
                    await asyncio.sleep(max(0.0, silent - (time.monotonic() - began)))
                    os.killpg(one.pid, signal.SIGCONT)
                    await eventually(
                        functools.partial(output_of, one), lambda said: "is back after" in said
                    )
                    await assert_done_by(client, handle, 2)
                    # It serves on.
                    again = await client.start_workflow(
                        workflow_type="lasting",
                        task_queue=QUEUE,
                        workflow_id="again",
                        input=["sleeps", 0],
                    )
                    await again.result(timeout=30)


def test_a_worker_tries_to_come_back_often_within_the_grace_of_a_server() -> None:
    now = 0.0
    pauses = Pauses(lambda: now)
    for _ in range(4):
        now += pauses.next()
    assert now < ServiceSettings().stream_grace_seconds


@pytest.mark.parametrize(
    ("seconds", "grace", "attempt"), [(0.0, PATIENT, 1), (0.5, PATIENT, 1), (3.0, {}, 2)]
)
async def test_a_cut_within_the_grace_costs_no_attempt_and_a_longer_one_does(
    tmp_path: Path, seconds: float, grace: dict[str, str], attempt: int
) -> None:
    async with AsyncExitStack() as stack:
        server = stack.enter_context(ServerProcess(tmp_path / "state.db", environment=grace))
        client = await stack.enter_async_context(Client(server.url))
        proxy = await stack.enter_async_context(forwarder(server.url))
        handle = await start(client, "sleeps", 4 if attempt == 1 else 6)
        with worker_process(proxy.url, PROGRAMS, task_queue=QUEUE) as worker:
            await until_started(client, handle, worker=worker)
            proxy.cut()
            await asyncio.sleep(seconds)  # the fault itself
            proxy.mend()
            await assert_done_by(client, handle, attempt)
            assert proxy.upgrades >= 2
            assert "polls from now on" not in worker.output


async def test_what_ended_during_a_cut_is_reported_after_it(patient: ServerProcess) -> None:
    async with Client(patient.url) as client, forwarder(patient.url) as proxy:
        handle = await start(client, "sleeps", 3)
        with worker_process(proxy.url, PROGRAMS, task_queue=QUEUE) as worker:
            await until_started(client, handle, worker=worker)
            proxy.cut()
            await eventually(
                functools.partial(output_of, worker), lambda said: "completing activity" in said
            )
            proxy.mend()
            await assert_done_by(client, handle, 1)


@pytest.mark.parametrize(("kills", "away"), [(False, 0.0), (True, 0.0), (True, 1.0), (True, 10.0)])
async def test_a_restart_of_the_server_costs_no_attempt(
    patient: ServerProcess, kills: bool, away: float
) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(patient.url))
        handle = await start(client, "sleeps", 4 + away)
        worker = stack.enter_context(worker_process(patient.url, PROGRAMS, task_queue=QUEUE))
        await until_started(client, handle, worker=worker)
        if kills:
            patient.kill()
            await asyncio.sleep(away)  # the fault itself
            await asyncio.to_thread(patient.start)
        else:
            await asyncio.to_thread(patient.restart)
        await assert_done_by(client, handle, 1)
        assert worker.output.count("is interrupted") == 1


async def test_a_server_that_is_killed_again_and_again_with_fifty_in_flight_loses_nothing(
    patient: ServerProcess,
) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(patient.url))
        stack.enter_context(worker_process(patient.url, PROGRAMS, task_queue=QUEUE, concurrency=50))
        handles = [
            await client.start_workflow(
                workflow_type="lasting",
                task_queue=QUEUE,
                workflow_id=f"lasting-{number}",
                input=["awaits", 0.2 + number % 10 * 0.25],
            )
            for number in range(50)
        ]
        await until_started(client, handles[-1])
        for _ in range(4):
            await asyncio.sleep(0.4)  # some end before each kill, some while there is no server
            patient.kill()
            await asyncio.to_thread(patient.start)
        for handle in handles:
            await assert_done_by(client, handle, 1)


async def test_what_a_killed_worker_had_is_done_by_another_within_two_seconds(
    server: ServerProcess, client: Client
) -> None:
    times: list[float] = []
    # The best tells of the server, the others of the machine.
    while not times or (min(times) >= 2 and len(times) < 5):
        times.append(await seconds_until_taken_over(server, client, f"{len(times)}"))
    assert min(times) < 2


async def seconds_until_taken_over(server: ServerProcess, client: Client, name: str) -> float:
    """Kill the worker of an activity; how long it took until another one had it."""
    dies, lives = f"dies-{name}", f"lives-{name}"
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id=dies) as dying:
        handle = await client.start_workflow(
            workflow_type="lasting",
            task_queue=QUEUE,
            workflow_id=f"taken-over-{name}",
            input=["sleeps", 30],
        )
        await until_started(client, handle)
        with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id=lives) as living:
            await eventually(
                functools.partial(output_of, living), lambda said: "registered" in said
            )
            dying.kill()
            began = time.monotonic()
            await until_started(client, handle, attempts=2)
            took = time.monotonic() - began
            await handle.terminate()
            return took


async def test_two_sessions_of_one_id_both_serve_and_are_warned(
    server: ServerProcess, client: Client
) -> None:
    with (
        worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="twin") as one,
        worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="twin") as two,
    ):
        for process in (one, two):
            await eventually(
                functools.partial(output_of, process), lambda said: "registered" in said
            )
        handles = [
            await client.start_workflow(
                workflow_type="lasting",
                task_queue=QUEUE,
                workflow_id=f"twin-{number}",
                input=["sleeps", 1],
            )
            for number in range(16)
        ]
        for handle in handles:
            assert (await handle.result(timeout=30))["attempt"] == 1
        for process in (one, two):
            await eventually(
                functools.partial(output_of, process),
                lambda said: "completing activity" in said and "another live worker" in said,
            )


async def test_behind_a_proxy_that_lets_no_stream_through_the_worker_polls_and_says_so(
    server: ServerProcess, client: Client
) -> None:
    async with forwarder(server.url) as proxy:
        proxy.lets_upgrade = False
        with worker_process(proxy.url, PROGRAMS, task_queue=QUEUE) as worker:
            handle = await start(client, "sleeps", 0.1)
            await assert_done_by(client, handle, 1)
            assert len(re.findall("has no stream, and polls from now on", worker.output)) == 1
            assert proxy.upgrades == 1


async def test_an_activity_of_a_run_that_ends_is_told_within_a_second(
    server: ServerProcess, client: Client
) -> None:
    times: list[float] = []
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE) as worker:
        # The best tells of the two, the others of the machine.
        while not times or (min(times) >= 1 and len(times) < 5):
            handle = await client.start_workflow(
                workflow_type="lasting",
                task_queue=QUEUE,
                workflow_id=f"told-{len(times)}",
                input=["awaits", 30],
            )
            await until_started(client, handle)
            began = time.monotonic()
            await handle.terminate()
            await eventually(
                functools.partial(output_of, worker),
                lambda said: said.count("awaits was cancelled") > len(times),
            )
            times.append(time.monotonic() - began)
    assert min(times) < 1


@activity.defn(name="echo")
async def echo(value: str) -> str:
    return value


@activity.defn(name="huge")
async def huge() -> str:
    """More than fits into any frame."""
    return "x" * 9_000_000


@workflow.defn(name="echoes")
class Echoes:
    """Returns what it is given, by way of two activities."""

    def run(self, ctx: Any, value: str) -> Generator[Any, Any, Any]:
        first = yield ctx.schedule_activity("echo", [value])
        return (yield ctx.schedule_activity("echo", [first]))


@workflow.defn(name="too_large")
class TooLarge:
    """Asks for more than a server takes."""

    def run(self, ctx: Any) -> Generator[Any, Any, Any]:
        return (yield ctx.schedule_activity("huge", []))


@pytest.mark.parametrize("cached", [1000, 0])
async def test_values_travel_up_to_the_limit_and_beyond_it_fail_the_attempt_alone(
    client: Client, cached: int
) -> None:
    """Argument, result and history of 1.4 MiB; with no machine kept the history travels, too."""
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Echoes, TooLarge],
        activities=[echo, huge],
        max_cached_workflows=cached,
    )
    running = asyncio.create_task(worker.run())
    value = "a" * 1_400_000
    for number in range(2):
        too_large = await client.start_workflow(
            workflow_type="too_large", task_queue=QUEUE, workflow_id=f"too-large-{number}"
        )
        with pytest.raises(WorkflowFailed, match="payload_too_large"):
            await too_large.result(timeout=30)
        echoed = await client.start_workflow(
            workflow_type="echoes",
            task_queue=QUEUE,
            workflow_id=f"echoes-{number}",
            input=[value],
        )
        assert await echoed.result(timeout=30) == value
    await worker.stop()
    await running


async def test_an_activity_that_stops_its_worker_is_reported(client: Client) -> None:
    @activity.defn(name="last")
    async def last(seconds: float) -> str:
        await worker.stop()
        return "stopped"

    worker = Worker(client, task_queue=QUEUE, workflows=WORKFLOWS, activities=[last])
    running = asyncio.create_task(worker.run())
    handle = await start(client, "last", 0)
    await running
    events = await eventually(
        lambda: history(client, handle), lambda events: "ActivityCompleted" in types(events)
    )
    assert types(events).count("ActivityStarted") == 1
