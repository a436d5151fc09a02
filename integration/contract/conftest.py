"""One server with a token and one without: processes on real sockets, for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from described import Described

from integration.contract.scene import Rows, Stage
from integration.harness.processes import ServerProcess
from integration.harness.wire import Wire

TOKEN = "contract-token"

# Empty polls answer at once, what nobody carries out is soon given up, and no lease runs out while
# a table is worked through.
ENVIRONMENT = {
    "DW_WORKER_POLL_TIMEOUT": "0",
    "DW_V2_UPDATE_WAIT_COMPLETION_TIMEOUT_SECONDS": "1",
    "DW_WORKFLOW_TASK_LEASE_SECONDS": "3600",
    "DW_ACTIVITY_TASK_LEASE_SECONDS": "3600",
    "DW_MISSED_HEARTBEATS": "1000",
    "DW_QUERY_TASK_TIMEOUT": "0.2",
}


@pytest.fixture(scope="session")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    db = tmp_path_factory.mktemp("open") / "state.db"
    with ServerProcess(db, environment=ENVIRONMENT) as server:
        yield server


@pytest.fixture(scope="session")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    db = tmp_path_factory.mktemp("guarded") / "state.db"
    with ServerProcess(db, token=TOKEN, environment=ENVIRONMENT) as server:
        yield server


@pytest.fixture(scope="session")
def described(open_server: ServerProcess) -> Described:
    with Wire(open_server.url) as wire:
        return Described(wire.send("GET", "/api/openapi.json").need())


@pytest.fixture(scope="session")
def wire(open_server: ServerProcess, described: Described) -> Iterator[Wire]:
    with Wire(open_server.url) as wire:
        # Whatever a test is about, every answer is one that the description of the API has.
        wire.watch = described.check
        yield wire


@pytest.fixture(scope="session")
def guarded(guarded_server: ServerProcess, described: Described) -> Iterator[Wire]:
    with Wire(guarded_server.url, token=TOKEN) as wire:
        wire.watch = described.check
        yield wire


@pytest.fixture(scope="session")
def stage(wire: Wire) -> Stage:
    return Stage(wire)


@pytest.fixture(scope="session")
def guarded_stage(guarded: Wire) -> Stage:
    return Stage(guarded)


@pytest.fixture(scope="session")
def rows(open_server: ServerProcess) -> Iterator[Rows]:
    with closing(Rows(Path(open_server.db))) as rows:
        yield rows


@pytest.fixture(scope="session")
def guarded_rows(guarded_server: ServerProcess) -> Iterator[Rows]:
    with closing(Rows(Path(guarded_server.db))) as rows:
        yield rows
