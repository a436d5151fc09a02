"""Server and worker as processes of their own; the test is the client, the third one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from durable_workflow import Client
from integration.harness.processes import ServerProcess, worker_process

PROGRAMS = "integration.end_to_end.programs"
QUEUE = "programs"

# Leases of about three seconds, so that a killed worker is noticed while somebody waits.
ENVIRONMENT = {
    "DW_WORKFLOW_TASK_LEASE_SECONDS": "3",
    "DW_ACTIVITY_TASK_LEASE_SECONDS": "3",
    "DW_HEARTBEAT_INTERVAL_SECONDS": "1",
}


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for the tests that leave it alone."""
    with ServerProcess(tmp_path_factory.mktemp("shared") / "state.db") as server:
        yield server


@pytest.fixture(scope="session")
def shared_worker(shared_server: ServerProcess) -> Iterator[None]:
    """One worker that serves all programs on the queue `programs`."""
    with worker_process(shared_server.url, PROGRAMS, task_queue=QUEUE):
        yield


@pytest.fixture
async def client(shared_server: ServerProcess, shared_worker: None) -> AsyncIterator[Client]:
    async with Client(shared_server.url) as client:
        yield client


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of the test's own, to be killed and restarted."""
    with ServerProcess(tmp_path_factory.mktemp("own") / "state.db", environment=ENVIRONMENT) as own:
        yield own
