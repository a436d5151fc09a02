"""Several connections at once say something about one task: one of them is heard."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from integration.harness.histories import types, violations
from integration.harness.payloads import JsonObject, as_object, envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Answer, Wire

DONE = {"type": "complete_workflow", "result": envelope("done")}
ACTIVITY = {"type": "schedule_activity", "activity_type": "act", "arguments": envelope([])}
ROUNDS = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    db = tmp_path_factory.mktemp("races") / "state.db"
    with ServerProcess(db, environment={"DW_WORKER_POLL_TIMEOUT": "20"}) as server:
        yield server


@pytest.fixture
def wire(server: ServerProcess) -> Iterator[Wire]:
    with Wire(server.url) as wire:
        yield wire


@pytest.fixture
def queue(wire: Wire) -> str:
    """A queue of the test's own with the worker `<queue>`."""
    queue = f"q-{uuid.uuid4().hex[:8]}"
    wire.register(queue, queue=queue)
    return queue


def at_once(wire: Wire, *requests: Callable[[Wire], Answer]) -> list[Answer]:
    """Send each request on a connection of its own, all at the same moment."""
    together = Barrier(len(requests))

    def send(request: Callable[[Wire], Answer]) -> Answer:
        with Wire(wire.url) as own:
            own.send("GET", "/api/health").need()  # the connection is there
            together.wait(20)
            return request(own)

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(send, requests))


def report(path: str, body: JsonObject) -> Callable[[Wire], Answer]:
    return lambda own: own.send("POST", path, body)


def test_a_workflow_task_is_completed_or_failed_once(wire: Wire, queue: str) -> None:
    for number in range(ROUNDS):
        run = wire.start(f"{queue}-{number}", workflow_type="t", queue=queue)
        task = wire.poll("workflow", queue, queue=queue)
        path = f"/api/worker/workflow-tasks/{task['task_id']}"
        owner = {name: task[name] for name in ("lease_owner", "workflow_task_attempt")}
        complete = report(f"{path}/complete", {**owner, "commands": [ACTIVITY, DONE]})
        fail = report(f"{path}/fail", {**owner, "failure": {"message": "m"}})

        answers = at_once(wire, complete, fail, complete, fail, complete)

        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409]
        if answers[1].status == 200 or answers[3].status == 200:
            # It was given back: whoever is next does it, after its rest.
            wire.complete(wire.poll("workflow", queue, queue=queue), ACTIVITY, DONE)
        history = wire.history(f"{queue}-{number}", run["run_id"])
        assert violations(history) == []
        assert types(history).count("ActivityScheduled") == 1


def test_an_attempt_of_an_activity_is_reported_once(wire: Wire, queue: str) -> None:
    for number in range(ROUNDS):
        run = wire.start(f"{queue}-{number}", workflow_type="t", queue=queue)
        wire.complete(wire.poll("workflow", queue, queue=queue), ACTIVITY)
        task = wire.poll("activity", queue, queue=queue)
        path = f"/api/worker/activity-tasks/{task['task_id']}"
        owner = {name: task[name] for name in ("lease_owner", "activity_attempt_id")}
        complete = report(f"{path}/complete", {**owner, "result": envelope(1)})
        fail = report(f"{path}/fail", {**owner, "failure": {"message": "m"}})
        beat = report(f"{path}/heartbeat", owner)
        stranger = report(f"{path}/complete", {**owner, "lease_owner": "stranger"})

        answers = at_once(wire, complete, fail, beat, stranger, complete, fail)

        assert answers[2].status == 200
        assert answers[3].status == 409
        reports = [answers[place] for place in (0, 1, 4, 5)]
        assert sorted(answer.status for answer in reports) == [200, 409, 409, 409]
        assert wire.send("POST", f"{path}/heartbeat", owner).need()["can_continue"] is False
        wire.complete(wire.poll("workflow", queue, queue=queue), DONE)
        assert violations(wire.history(f"{queue}-{number}", run["run_id"])) == []


def test_polls_with_one_id_get_one_task(wire: Wire, queue: str) -> None:
    for number in range(ROUNDS):
        run = wire.start(f"{queue}-{number}", workflow_type="t", queue=queue)
        wire.start(f"{queue}-{number}-other", workflow_type="t", queue=queue)
        body = {"worker_id": queue, "task_queue": queue, "poll_request_id": uuid.uuid4().hex}

        answers = at_once(wire, *[report("/api/worker/workflow-tasks/poll", body)] * 5)

        tasks = [as_object(answer.need()["task"]) or {} for answer in answers]
        assert {task["task_id"] for task in tasks} == {tasks[0]["task_id"]}
        assert {task["workflow_task_attempt"] for task in tasks} == {1}
        wire.complete(tasks[0], DONE)
        wire.complete(wire.poll("workflow", queue, queue=queue), DONE)
        assert violations(wire.history(f"{queue}-{number}", run["run_id"])) == []
