"""`kill -9` in the middle of an export, of retention and of archiving: nobody sees half a run."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
import pytest

from durable_workflow import history_bundle_verify
from integration.harness.payloads import envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import CONTROL, Wire

QUEUE: Final = "q"
RUNS: Final = 40
# The server dies so many seconds after a pass over all runs was asked for, which takes half of one.
MOMENTS: Final = (0.03, 0.15)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "state.db") as server:
        yield server


def closed_runs(wire: Wire, count: int) -> dict[str, str]:
    """Runs that were signalled and terminated; their ids by those of their workflows."""
    found: dict[str, str] = {}
    for number in range(count):
        workflow_id = f"closed-{number}"
        found[workflow_id] = str(wire.start(workflow_id, workflow_type="t", queue=QUEUE)["run_id"])
        path = f"/api/workflows/{workflow_id}"
        assert wire.send("POST", f"{path}/signal/go", {"input": envelope([number])}).status < 300
        wire.send("POST", f"{path}/terminate", {}).need()
    return found


def verify(server: ServerProcess) -> None:
    """Look over the file of a server that does not run."""
    arguments = [sys.executable, "-m", "durable_workflow.server", "verify", server.db]
    found = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr


def is_whole(wire: Wire, workflow_id: str, run_id: str) -> bool:
    """Whether a run is there; every route tells all of it, or none knows it."""
    path = f"/api/workflows/{workflow_id}/runs/{run_id}"
    described = wire.send("GET", path)
    history = wire.send("GET", f"{path}/history")
    exported = wire.send("GET", f"{path}/history/export")
    statuses = {described.status, history.status, exported.status}
    assert statuses in ({200}, {404}), statuses
    if statuses == {404}:
        return False
    events = history.body["events"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [event["sequence"] for event in exported.body["history_events"]] == [
        event["sequence"] for event in events
    ]
    assert exported.body["workflow"]["last_history_sequence"] == len(events) > 3
    assert history_bundle_verify.verify_bundle(exported.body)["status"] == "ok"
    return True


def test_an_export_that_is_cut_off_leaves_the_run_as_it_was(
    server: ServerProcess, wire: Wire
) -> None:
    wire.register("w", queue=QUEUE)
    run_id = str(wire.start("long", workflow_type="t", queue=QUEUE)["run_id"])
    task = wire.poll("workflow", "w", queue=QUEUE)
    payload = envelope("x" * 1000)
    effects = [{"type": "record_side_effect", "result": payload} for _ in range(900)]
    wire.complete(task, *effects, {"type": "complete_workflow", "result": payload})
    path = f"{server.url}/api/workflows/long/runs/{run_id}/history/export"
    headers = CONTROL | {"Accept-Encoding": "identity"}

    with httpx.stream("GET", path, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        chunks = answer.iter_raw()
        assert next(chunks)
        server.kill()
        with pytest.raises(httpx.TransportError):
            deque(chunks)

    verify(server)
    server.start()
    assert is_whole(wire, "long", run_id)


def test_a_retention_pass_that_is_cut_off_leaves_whole_runs_and_is_finished_later(
    server: ServerProcess, wire: Wire
) -> None:
    runs = closed_runs(wire, RUNS)
    for moment in MOMENTS:
        killer = threading.Timer(moment, server.kill)
        killer.start()
        with suppress(httpx.TransportError):
            wire.send("POST", "/api/system/retention/pass", {"run_ids": [*runs.values()]})
        killer.join()
        verify(server)
        server.start()
        left = {key: run_id for key, run_id in runs.items() if is_whole(wire, key, run_id)}
        listed = wire.send("GET", "/api/workflows?page_size=100").need()["workflows"]
        assert {run["workflow_id"] for run in listed} == left.keys()
        runs = left
    wire.send("POST", "/api/system/retention/pass", {"run_ids": [*runs.values()]}).need()
    assert not any(is_whole(wire, key, run_id) for key, run_id in runs.items())


def test_archiving_that_is_cut_off_has_archived_what_it_acknowledged(
    server: ServerProcess, wire: Wire
) -> None:
    runs = closed_runs(wire, RUNS)
    acknowledged: set[str] = set()
    killer = threading.Timer(0.15, server.kill)
    killer.start()
    with suppress(httpx.TransportError):
        for workflow_id in runs:
            wire.send("POST", f"/api/workflows/{workflow_id}/archive", {"reason": "kept"}).need()
            acknowledged.add(workflow_id)
    killer.join()
    verify(server)
    server.start()

    for workflow_id, run_id in runs.items():
        path = f"/api/workflows/{workflow_id}/runs/{run_id}/history/export"
        bundle = wire.send("GET", path).need()
        types = [event["type"] for event in bundle["history_events"][-2:]]
        is_archived = types == ["ArchiveRequested", "WorkflowArchived"]
        assert (bundle["workflow"]["archived_at"] is not None) == is_archived
        assert is_archived or workflow_id not in acknowledged
