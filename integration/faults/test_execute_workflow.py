"""`execute_workflow` while its connection is torn, or its server killed: it starts one run."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import Client
from integration.faults.lasting import QUEUE
from integration.faults.lasting_scene import PROGRAMS
from integration.harness.forwarder import Way, fair, forwarder
from integration.harness.processes import ServerProcess, worker_process
from integration.harness.waiting import eventually

# How a start may be sent: with an id, and with policies under which a second start would succeed.
STARTS: dict[str, dict[str, Any]] = {
    "an id": {"workflow_id": "own"},
    "no id": {},
    "allow": {"workflow_id": "allowed", "duplicate_policy": "allow"},
    "terminate": {"workflow_id": "ended", "duplicate_policy": "terminate_existing"},
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    # However long the machine holds up the way back of a worker whose stream was cut.
    environment = {"DW_STREAM_GRACE_SECONDS": "30"}
    with ServerProcess(tmp_path / "state.db", environment=environment) as server:
        yield server


def execute(client: Client, lasts: float, **options: Any) -> asyncio.Task[Any]:
    return asyncio.create_task(
        client.execute_workflow(
            workflow_type="lasting",
            task_queue=QUEUE,
            input=["sleeps", lasts],
            business_key=(key := uuid.uuid4().hex),
            memo={"key": key},
            timeout=40,
            **options,
        )
    )


async def runs(client: Client) -> list[Any]:
    """All runs that there are, of any workflow."""
    return [execution async for execution in client.iter_workflows()]


async def assert_ran_once(client: Client, asked: asyncio.Task[Any]) -> None:
    assert (await asked)["attempt"] == 1
    [run] = await runs(client)
    assert run.status == "completed"
    assert len((await client.list_workflow_runs(run.workflow_id)).runs) == 1


@pytest.mark.parametrize("how", STARTS)
async def test_a_connection_that_is_cut_after_the_start_was_stored_starts_nothing_twice(
    server: ServerProcess, client: Client, how: str
) -> None:
    lost = 0

    async def first_answer_lost(way: Way, chunk: bytes) -> bool:
        nonlocal lost
        if way.is_request or lost == 2:
            await way.pass_on(chunk)
            return True
        lost += 1
        return False

    with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
        async with forwarder(server.url) as proxy, Client(proxy.url) as torn:
            proxy.weather = first_answer_lost
            await assert_ran_once(client, execute(torn, 0.1, **STARTS[how]))
    assert lost == 2


@pytest.mark.parametrize("how", STARTS)
async def test_connections_that_are_cut_while_the_result_is_waited_for_start_nothing_twice(
    server: ServerProcess, client: Client, how: str
) -> None:
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
        async with forwarder(server.url) as proxy, Client(proxy.url) as torn:
            asked = execute(torn, 1.5, **STARTS[how])
            for _ in range(2):
                await eventually(lambda: runs(client), lambda seen: len(seen) > 0)
                proxy.cut()
                proxy.mend()
                await asyncio.sleep(0.1)  # the fault itself: torn again and again
            assert proxy.weather is fair
            await assert_ran_once(client, asked)


@pytest.mark.parametrize("how", STARTS)
async def test_a_server_that_is_killed_in_the_middle_starts_nothing_twice(
    server: ServerProcess, client: Client, how: str
) -> None:
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE) as worker:
        async with Client(server.url) as waiting:
            asked = execute(waiting, 1.5, **STARTS[how])
            # The worker has the task, and not only a lease on one that was lost on the way.
            await asyncio.to_thread(worker.wait_for_line, re.compile("sleeps begins"))
            server.kill()
            await asyncio.sleep(1.5)  # longer than the retry policy of the client
            await asyncio.to_thread(server.start)
            await assert_ran_once(client, asked)
