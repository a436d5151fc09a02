"""A newer server opens the file of an older one, and its open runs end as if nothing had happened.

The files are in `states/`, as SQL: each was written by a server of that schema, killed with runs in
every state. Their times lie far in the past, so that all that they wait for is due. Closed runs are
long past the days that they are kept for, too: here none are removed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from durable_workflow import Client
from integration.end_to_end.conftest import ENVIRONMENT, PROGRAMS, QUEUE
from integration.end_to_end.test_restarts import sound_history
from integration.harness.processes import ServerProcess, worker_process

KEEPS_CLOSED_RUNS = {"DW_RETENTION_INTERVAL_SECONDS": "0"}
STATES = sorted((Path(__file__).parent / "states").glob("*.sql"))


@pytest.fixture(params=STATES, ids=lambda state: state.stem)
def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server on a file that an older release has left behind."""
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(request.param.read_text("utf-8"))
    with ServerProcess(path, environment=ENVIRONMENT | KEEPS_CLOSED_RUNS) as server:
        yield server


async def test_open_runs_of_an_older_file_end_as_they_would_have(upgraded: ServerProcess) -> None:
    # A timer, an activity and a fan-out with held results, whose worker is gone; a task that nobody
    # has claimed; a leased task with a signal behind it.
    expected = {
        "naps": 2,
        "hanging": {"returned": 2},
        "fan-out": [1, 2, 1],
        "unclaimed": {"greeting": "Hello, you!", "length": 3},
        "buffered": {"greeting": "Hello, me!", "length": 2},
    }
    async with Client(upgraded.url) as client:
        with (
            worker_process(upgraded.url, PROGRAMS, task_queue=QUEUE),
            worker_process(upgraded.url, PROGRAMS, task_queue="leased"),
        ):
            for workflow_id, result in expected.items():
                handle = client.get_workflow_handle(workflow_id)
                assert await handle.result(timeout=60) == result, workflow_id
                await sound_history(client, workflow_id)


async def test_closed_runs_of_an_older_file_are_shown(upgraded: ServerProcess) -> None:
    async with Client(upgraded.url) as client:
        done = await client.describe_workflow("done")
        assert done.status == "completed"
        assert done.output == {"greeting": "Hello, world!", "length": 5}
        assert len((await client.list_workflow_runs("count-down")).runs) == 2
        found = await client.list_workflows(query="CustomerId = 'c1'")
        assert [row.workflow_id for row in found.executions] == ["naps"]
