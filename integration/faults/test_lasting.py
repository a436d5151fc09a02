"""A lease holds while its worker lives and works on the task, and no longer."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import Client, Worker
from integration.faults.lasting import ACTIVITIES, QUEUE, WORKFLOWS
from integration.faults.lasting_scene import PROGRAMS, history, output_of, start, until_started
from integration.harness.histories import types, violations
from integration.harness.processes import (
    REGISTERED,
    ManagedProcess,
    ServerProcess,
    worker_process,
)
from integration.harness.waiting import eventually

SHORT = {"DW_WORKFLOW_TASK_LEASE_SECONDS": "3", "DW_ACTIVITY_TASK_LEASE_SECONDS": "3"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with the leases that it has by itself: 30 and 300 seconds."""
    with ServerProcess(tmp_path / "state.db") as server:
        yield server


@pytest.mark.parametrize("activity", ["sleeps", "blocks"])
async def test_an_activity_that_outlasts_its_lease_is_attempted_once(
    tmp_path: Path, activity: str
) -> None:
    with ServerProcess(tmp_path / "state.db", environment=SHORT) as server:
        async with Client(server.url) as client:
            with (
                worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="one"),
                worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="two"),
            ):
                handle = await start(client, activity, 9)
                result = await handle.result(timeout=30)
                events = await history(client, handle)
    assert result["attempt"] == 1
    assert types(events).count("ActivityStarted") == 1
    assert violations(events) == []


async def test_a_new_process_under_the_id_of_a_dead_one_gets_its_tasks(
    server: ServerProcess, client: Client
) -> None:
    handle = await start(client, "sleeps", 4)
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="host") as dead:
        await until_started(client, handle)
        dead.kill()
    began = time.monotonic()
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="host"):
        result = await handle.result(timeout=30)
    # Two seconds of silence, not three heartbeats that are missed: they take half a minute.
    assert time.monotonic() - began < 25
    assert result == {"attempt": 2, "worker": "host"}


async def test_two_live_workers_with_one_id_are_both_served_and_warned(
    server: ServerProcess, client: Client
) -> None:
    handle = await start(client, "sleeps", 6)
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="twin") as one:
        await until_started(client, handle)
        with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="twin") as two:
            result = await handle.result(timeout=30)
            for process in (one, two):
                await eventually(
                    functools.partial(output_of, process),
                    lambda said: "another live worker" in said,
                )
            assert "two live workers of default have the id twin" in server.process.output
    assert result["attempt"] == 1


async def test_what_a_stopped_worker_leaves_behind_is_free_at_once(
    server: ServerProcess, client: Client
) -> None:
    handle = await start(client, "swallows", 8)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=WORKFLOWS,
        activities=ACTIVITIES,
        worker_id="first",
        shutdown_timeout=0.2,
    )
    running = asyncio.create_task(worker.run())
    await until_started(client, handle)
    began = time.monotonic()
    await worker.stop()
    assert time.monotonic() - began < 6  # it does not wait for what swallows its end
    await running
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="second"):
        result = await handle.result(timeout=30)
    assert time.monotonic() - began < 29  # no heartbeats had to be missed
    assert result == {"attempt": 2, "worker": "second"}


async def test_ctrl_c_frees_what_the_worker_holds(server: ServerProcess, client: Client) -> None:
    handle = await start(client, "sleeps", 5)
    arguments = [sys.executable, "-m", PROGRAMS, server.url, "interrupted"]
    process = ManagedProcess(arguments, name="worker")
    try:
        process.wait_for_line(REGISTERED)
        await until_started(client, handle)
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        process.wait(timeout=10)
    finally:
        process.dispose()
    server.process.wait_for_line(re.compile("ended its stream, leases freed: 1"))
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="second"):
        result = await handle.result(timeout=30)
    assert time.monotonic() - began < 29  # no heartbeats had to be missed
    assert result == {"attempt": 2, "worker": "second"}


@pytest.mark.parametrize(("kind", "arguments"), [("spins", [15]), ("lasting", ["computes", 15])])
async def test_ctrl_c_inside_of_code_on_the_loop_ends_the_process_and_fails_nothing(
    server: ServerProcess, client: Client, kind: str, arguments: list[Any]
) -> None:
    command = [sys.executable, "-m", PROGRAMS, server.url, "interrupted"]
    process = ManagedProcess(command, name="worker")
    try:
        process.wait_for_line(REGISTERED)
        handle = await client.start_workflow(
            workflow_type=kind, task_queue=QUEUE, workflow_id="interrupted", input=arguments
        )
        await asyncio.to_thread(process.wait_for_line, re.compile("(spins|computes) begins"))
        # asyncio takes the first as a wish, which the busy loop does not hear. Two that come before
        # the process has its turn are one.
        os.kill(process.pid, signal.SIGINT)
        await asyncio.sleep(1)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=10) == -signal.SIGINT
    finally:
        process.dispose()
    assert "Traceback" in process.output  # of the code, as Ctrl-C shows it anywhere
    debug = await client.debug_workflow(handle.workflow_id)
    tasks = debug["pending_workflow_tasks"] + debug["pending_activities"]
    assert [each.get("last_error") for each in tasks] == [None]
    assert not {"WorkflowFailed", "ActivityFailed", "ActivityRetryScheduled"} & set(
        types(await history(client, handle))
    )
    await handle.terminate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_handles_signals_finishes_what_it_has(
    server: ServerProcess, client: Client, number: signal.Signals
) -> None:
    handle = await start(client, "sleeps", 1.5)
    arguments = [sys.executable, "-m", PROGRAMS, server.url, "drained", "drain"]
    process = ManagedProcess(arguments, name="worker")
    try:
        process.wait_for_line(REGISTERED)
        await until_started(client, handle, worker=process)
        os.kill(process.pid, number)
        assert process.wait(timeout=10) == 0
    finally:
        process.dispose()
    assert types(await history(client, handle)).count("ActivityCompleted") == 1
    server.process.wait_for_line(re.compile("said goodbye, leases freed: 0"))


async def test_nobody_waits_for_the_kept_machine_of_a_killed_worker(
    server: ServerProcess, client: Client
) -> None:
    handle = await start(client, "sleeps", 0.2)
    alone = "integration.faults.lasting_workflows"
    with worker_process(server.url, alone, task_queue=QUEUE, worker_id="keeper") as keeper:
        await eventually(
            lambda: history(client, handle), lambda events: "ActivityScheduled" in types(events)
        )
        keeper.kill()
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE, worker_id="other"):
        await handle.result(timeout=30)
    at = {each["event_type"]: each["timestamp"] for each in await history(client, handle)}
    done, closed = (
        datetime.fromisoformat(at[name]) for name in ("ActivityCompleted", "WorkflowCompleted")
    )
    assert (closed - done).total_seconds() < 1.5, "a worker that keeps a machine is given 2 s"


async def test_a_server_that_was_away_for_longer_than_a_lease_frees_nothing(tmp_path: Path) -> None:
    # However long the machine holds up the worker's way back.
    environment = SHORT | {"DW_STREAM_GRACE_SECONDS": "30"}
    with ServerProcess(tmp_path / "state.db", environment=environment) as server:
        async with Client(server.url) as client:
            with worker_process(server.url, PROGRAMS, task_queue=QUEUE) as worker:
                handle = await start(client, "sleeps", 8)
                # It has the task, and not only a lease on one that was lost on the way.
                worker.wait_for_line(re.compile("sleeps begins"))
                server.kill()
                await asyncio.sleep(4)  # a lease is 3 s long
                server.start()
                result = await handle.result(timeout=30)
                events = await history(client, handle)
    assert result["attempt"] == 1
    assert violations(events) == []
