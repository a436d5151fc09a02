"""Server and worker are restarted and killed in the middle of things, and nothing is lost."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import re
from pathlib import Path
from typing import Any

import pytest
from order_processing.orders import expected_result, make_order

from durable_workflow import Client
from integration.end_to_end.conftest import PROGRAMS, QUEUE
from integration.harness.histories import types, violations
from integration.harness.processes import ProcessFailed, ServerProcess, worker_process
from integration.harness.waiting import eventually

ORDERS = "order_processing.workflows,order_processing.activities"


async def sound_history(client: Client, workflow_id: str) -> list[dict[str, Any]]:
    """Return the history of the current run, which must be sound."""
    (run,) = (await client.list_workflow_runs(workflow_id)).runs
    events: list[dict[str, Any]] = (await client.get_history(workflow_id, run.run_id))["events"]
    assert violations(events) == []
    return events


async def status_of(client: Client, workflow_id: str) -> str | None:
    return (await client.describe_workflow(workflow_id)).status


async def test_order_is_processed_by_three_processes(server: ServerProcess) -> None:
    order = make_order(3)
    with worker_process(server.url, ORDERS, task_queue="orders"):
        async with Client(server.url) as client:
            handle = await client.start_workflow(
                workflow_type="process-order",
                task_queue="orders",
                workflow_id=order["order_id"],
                input=[order],
            )
            assert await handle.result(timeout=60) == expected_result(order)
            await sound_history(client, order["order_id"])


async def test_workflow_goes_on_after_the_server_restarted(server: ServerProcess) -> None:
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
        async with Client(server.url) as client:
            handle = await client.start_workflow(
                workflow_type="naps", task_queue=QUEUE, workflow_id="over-restarts", input=[1, 2, 1]
            )

            async def status() -> str | None:
                return await status_of(client, "over-restarts")

            await eventually(status, lambda seen: seen == "waiting")
            await asyncio.to_thread(server.restart)
            assert await handle.result(timeout=60) == 3
            await sound_history(client, "over-restarts")


async def test_workflow_goes_on_after_the_server_was_killed(server: ServerProcess) -> None:
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
        async with Client(server.url) as client:
            handle = await client.start_workflow(
                workflow_type="steps", task_queue=QUEUE, workflow_id="over-kills", input=[60]
            )

            async def length() -> int:
                (run,) = (await client.list_workflow_runs("over-kills")).runs
                return len((await client.get_history("over-kills", run.run_id))["events"])

            for wanted in (20, 80):
                await eventually(length, wanted.__le__)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            assert await handle.result(timeout=60) == sum(n % 7 for n in range(60))
            await sound_history(client, "over-kills")


async def test_a_result_is_waited_for_while_the_server_is_away(
    server: ServerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
        async with Client(server.url) as client:
            handle = await client.start_workflow(
                workflow_type="naps", task_queue=QUEUE, workflow_id="away", input=[1]
            )
            result = asyncio.create_task(handle.result(timeout=60))
            await asyncio.to_thread(server.kill)

            async def warnings() -> list[str]:
                return [text for text in caplog.messages if "server cannot be reached" in text]

            await eventually(warnings, bool)  # the retry policy has given up
            await asyncio.to_thread(server.start)
            assert await result == 1


async def test_acknowledged_start_survives_a_kill_at_once(server: ServerProcess) -> None:
    async with Client(server.url) as client:
        for number in range(5):
            await client.start_workflow(
                workflow_type="greeter",
                task_queue=QUEUE,
                workflow_id=f"acknowledged-{number}",
                input=["you"],
            )
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            assert await status_of(client, f"acknowledged-{number}") == "pending"
        with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
            for number in range(5):
                handle = client.get_workflow_handle(f"acknowledged-{number}")
                assert (await handle.result(timeout=60))["greeting"] == "Hello, you!"


async def test_activity_of_a_killed_worker_is_taken_over(
    server: ServerProcess, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    async with Client(server.url) as client:
        with worker_process(server.url, PROGRAMS, task_queue=QUEUE) as first:
            handle = await client.start_workflow(
                workflow_type="catches",
                task_queue=QUEUE,
                workflow_id="taken-over",
                input=["wait_for_file", [str(gate)], {}],
            )

            async def began() -> list[str]:
                return fnmatch.filter(os.listdir(tmp_path), "gate.began.*")

            await eventually(began, bool)
            await asyncio.to_thread(first.kill)
        with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
            await eventually(began, lambda seen: len(seen) == 2)
            gate.write_text("open")
            assert await handle.result(timeout=60) == {"returned": "open"}
        history = await sound_history(client, "taken-over")
        assert types(history).count("ActivityStarted") == 2


async def test_workflow_goes_on_with_another_worker_after_a_kill(server: ServerProcess) -> None:
    async with Client(server.url) as client:
        handle = await client.start_workflow(
            workflow_type="steps", task_queue=QUEUE, workflow_id="over-workers", input=[80]
        )

        async def length() -> int:
            (run,) = (await client.list_workflow_runs("over-workers")).runs
            return len((await client.get_history("over-workers", run.run_id))["events"])

        for wanted in (20, 100):
            with worker_process(server.url, PROGRAMS, task_queue=QUEUE) as worker:
                await eventually(length, wanted.__le__)
                await asyncio.to_thread(worker.kill)
        with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
            assert await handle.result(timeout=90) == sum(n % 7 for n in range(80))
        await sound_history(client, "over-workers")


async def test_worker_waits_for_a_server_that_starts_after_it(server: ServerProcess) -> None:
    await asyncio.to_thread(server.kill)
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE) as worker:
        warning = re.compile(f"cannot reach the server at {re.escape(server.url)}")
        await asyncio.to_thread(worker.wait_for_line, warning)
        await asyncio.to_thread(server.start)
        async with Client(server.url) as client:
            handle = await client.start_workflow(
                workflow_type="greeter", task_queue=QUEUE, workflow_id="early", input=["you"]
            )
            assert (await handle.result(timeout=60))["greeting"] == "Hello, you!"
        assert worker.stop() == 0
        assert "Traceback" not in worker.output


async def test_worker_drains_on_sigterm(server: ServerProcess, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with Client(server.url) as client:
        with worker_process(server.url, PROGRAMS, task_queue=QUEUE) as worker:
            handle = await client.start_workflow(
                workflow_type="catches",
                task_queue=QUEUE,
                workflow_id="drained",
                input=["wait_for_file", [str(gate)], {}],
            )

            async def began() -> list[str]:
                return fnmatch.filter(os.listdir(tmp_path), "gate.began.*")

            await eventually(began, bool)
            stopping = asyncio.create_task(asyncio.to_thread(worker.stop))
            gate.write_text("open")
            assert await stopping == 0
        with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
            assert await handle.result(timeout=60) == {"returned": "open"}
        history = await sound_history(client, "drained")
        assert types(history).count("ActivityStarted") == 1


async def test_server_in_memory_runs_the_greeter() -> None:
    with (
        ServerProcess(":memory:") as server,
        worker_process(server.url, PROGRAMS, task_queue=QUEUE),
    ):
        async with Client(server.url) as client:
            handle = await client.start_workflow(
                workflow_type="greeter", task_queue=QUEUE, workflow_id="in-memory", input=["world"]
            )
            assert (await handle.result(timeout=30))["length"] == 5


def test_server_stops_in_good_order_on_sigterm(server: ServerProcess) -> None:
    assert server.process.stop() == 0
    assert "Traceback" not in server.process.output


def test_second_server_on_the_same_file_is_refused_with_a_reason(server: ServerProcess) -> None:
    second = ServerProcess(server.db)
    try:
        with pytest.raises(ProcessFailed) as refused:
            second.start()
    finally:
        second.process.dispose()
    assert server.db in str(refused.value)
    assert "Traceback" not in str(refused.value)
