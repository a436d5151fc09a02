"""Long polls: woken by what is committed, and never given a task that nobody takes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from integration.harness.payloads import envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Wire

LONG_POLL_SECONDS = 20
DONE = {"type": "complete_workflow", "result": envelope("done")}
ACTIVITY = {"type": "schedule_activity", "activity_type": "act", "arguments": envelope([])}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    db = tmp_path_factory.mktemp("polls") / "state.db"
    environment = {"DW_WORKER_POLL_TIMEOUT": str(LONG_POLL_SECONDS)}
    with ServerProcess(db, environment=environment) as server:
        yield server


@pytest.fixture
def queue(wire: Wire) -> str:
    """A queue of the test's own with the worker `<queue>`."""
    queue = f"q-{uuid.uuid4().hex[:8]}"
    wire.register(queue, queue=queue)
    return queue


# A worker that polls for its tasks, says what it got, and has another poll in flight.
POLLING = """
import http.client, json, sys, time
host, queue, *kinds = sys.argv[1:]
body = json.dumps({"worker_id": queue, "task_queue": queue})
headers = {"Content-Type": "application/json", "X-Durable-Workflow-Protocol-Version": "1.1"}
def send(kind):
    connection = http.client.HTTPConnection(host)
    connection.request("POST", f"/api/worker/{kind}-tasks/poll", body, headers)
    return connection
tasks = [json.load(send(kind).getresponse())["task"] for kind in kinds]
waiting = send("workflow")
print(json.dumps(tasks), flush=True)
time.sleep(60)
"""


def leave_a_poll(wire: Wire, kind: str, queue: str) -> None:
    """Poll, and hang up while the server still holds the poll."""
    path = f"/api/worker/{kind}-tasks/poll"
    with (
        httpx.Client(base_url=wire.url, headers=wire.headers(path), timeout=30) as http,
        pytest.raises(httpx.ReadTimeout),
    ):
        http.post(path, json={"worker_id": queue, "task_queue": queue}, timeout=0.3)


def test_waiting_poll_is_answered_by_the_commit_of_a_start(wire: Wire, queue: str) -> None:
    with ThreadPoolExecutor(1) as threads:
        polling = threads.submit(wire.poll, "workflow", queue, queue=queue)
        assert not polling.done()
        began = time.monotonic()
        wire.start(queue, workflow_type="t", queue=queue)
        assert polling.result(LONG_POLL_SECONDS)["workflow_id"] == queue
        assert time.monotonic() - began < LONG_POLL_SECONDS / 4


def test_poll_whose_caller_went_away_takes_no_workflow_task(wire: Wire, queue: str) -> None:
    for _ in range(3):
        leave_a_poll(wire, "workflow", queue)
    wire.start(queue, workflow_type="t", queue=queue)
    task = wire.poll("workflow", queue, queue=queue)
    assert task["workflow_task_attempt"] == 1
    wire.complete(task, DONE)


def test_poll_whose_caller_went_away_takes_no_activity_task(wire: Wire, queue: str) -> None:
    wire.start(queue, workflow_type="t", queue=queue)
    task = wire.poll("workflow", queue, queue=queue)
    for _ in range(3):
        leave_a_poll(wire, "activity", queue)
    wire.complete(task, ACTIVITY)
    assert wire.poll("activity", queue, queue=queue)["attempt_number"] == 1


def test_each_of_many_waiting_polls_gets_a_task_of_its_own(
    wire: Wire, server: ServerProcess, queue: str
) -> None:
    count = 12

    def poll() -> str:
        with Wire(server.url) as own:
            task_id: str = own.poll("workflow", queue, queue=queue)["task_id"]
            return task_id

    with ThreadPoolExecutor(count) as threads:
        polling = [threads.submit(poll) for _ in range(count)]
        for number in range(count):
            wire.start(f"{queue}-{number}", workflow_type="t", queue=queue)
        taken = [each.result(LONG_POLL_SECONDS) for each in polling]
    assert len(set(taken)) == count


def test_task_of_a_type_that_the_waiting_worker_lacks_goes_to_the_one_that_has_it(
    wire: Wire, server: ServerProcess, queue: str
) -> None:
    for name in ("a", "b"):
        wire.register(f"{queue}-{name}", queue=queue, supported_workflow_types=[name])

    def poll(name: str) -> str:
        with Wire(server.url) as own:
            task = own.poll("workflow", f"{queue}-{name}", queue=queue)
            workflow_type: str = task["workflow_type"]
            return workflow_type

    with ThreadPoolExecutor(2) as threads:
        polling = {name: threads.submit(poll, name) for name in ("a", "b")}
        for name in ("b", "a"):
            wire.start(f"{queue}-{name}", workflow_type=name, queue=queue)
        assert {n: each.result(LONG_POLL_SECONDS) for n, each in polling.items()} == {
            "a": "a",
            "b": "b",
        }


def test_workflow_task_of_a_killed_poller_is_free_soon_and_its_activity_is_kept(
    wire: Wire, queue: str
) -> None:
    wire.start(queue, workflow_type="t", queue=queue)
    wire.complete(wire.poll("workflow", queue, queue=queue), ACTIVITY)
    wire.start(f"{queue}-2", workflow_type="t", queue=queue)
    wire.register(f"{queue}-other", queue=queue)
    arguments = [wire.url.removeprefix("http://"), queue, "workflow", "activity"]
    with subprocess.Popen(
        [sys.executable, "-c", POLLING, *arguments], stdout=subprocess.PIPE, text=True
    ) as worker:
        try:
            assert worker.stdout is not None
            workflow_task, activity = json.loads(worker.stdout.readline())
        finally:
            began = time.monotonic()
            worker.kill()
    again = wire.poll("workflow", f"{queue}-other", queue=queue)
    assert 1.5 < time.monotonic() - began < LONG_POLL_SECONDS / 2
    assert (again["task_id"], again["workflow_task_attempt"]) == (workflow_task["task_id"], 2)
    wire.complete(again, DONE)
    path = f"/api/worker/activity-tasks/{activity['task_id']}/complete"
    report = {
        "lease_owner": queue,
        "activity_attempt_id": activity["activity_attempt_id"],
        "result": envelope(1),
    }
    assert wire.send("POST", path, report).need()["recorded"]


def test_worker_that_polls_on_after_a_broken_poll_keeps_its_workflow_task(
    wire: Wire, queue: str
) -> None:
    wire.start(queue, workflow_type="t", queue=queue)
    task = wire.poll("workflow", queue, queue=queue)
    wire.register(f"{queue}-other", queue=queue)
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(wire_of_its_own, wire.url, f"{queue}-other", queue)
        until = time.monotonic() + 5
        while time.monotonic() < until:
            leave_a_poll(wire, "workflow", queue)
            beat = {"worker_id": queue}
            wire.send("POST", "/api/worker/heartbeat", beat).need()
        assert not other.done()
        wire.complete(task, DONE)
        wire.start(f"{queue}-2", workflow_type="t", queue=queue)
        assert other.result(LONG_POLL_SECONDS)["workflow_id"] == f"{queue}-2"


def wire_of_its_own(url: str, worker_id: str, queue: str) -> dict[str, object]:
    """Poll for a workflow task over another connection."""
    with Wire(url) as wire:
        return wire.poll("workflow", worker_id, queue=queue)
