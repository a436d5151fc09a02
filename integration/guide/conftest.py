"""One server with a token, for the programs of the user guide."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from durable_workflow import Client, Worker
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually


@pytest.fixture(scope="session")
def token() -> str:
    return "dev-token"


@pytest.fixture(scope="session")
def url(token: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server listens."""
    folder = tmp_path_factory.mktemp("guide")
    with ServerProcess(folder / "state.db", token=token) as server:
        yield server.url


@pytest.fixture
async def client(url: str, token: str) -> AsyncIterator[Client]:
    async with Client(url, token=token) as client:
        yield client


@asynccontextmanager
async def serving(
    client: Client,
    *,
    workflows: Sequence[type] = (),
    activities: Sequence[Callable[..., Any]] = (),
    task_queue: str = "default",
) -> AsyncGenerator[Worker]:
    """Run a worker for the length of the block, registered when the block begins."""
    worker = Worker(
        client, task_queue=task_queue, workflows=workflows, activities=activities, poll_timeout=1.0
    )
    running = asyncio.create_task(worker.run())

    async def registered() -> bool:
        listed = await client.list_workers(task_queue=task_queue)
        return worker.worker_id in {each.worker_id for each in listed.workers}

    try:
        await eventually(registered, bool)
        yield worker
    finally:
        await worker.stop()
        await running
