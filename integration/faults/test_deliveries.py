"""Doubled deliveries: applied once. No lease ends meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from integration.faults.deliveries import (
    ACTIVITY,
    complete_workflow_task,
    queue_with_workers,
    report_activity,
)
from integration.harness.histories import types, violations
from integration.harness.payloads import open_envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Wire


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    db = tmp_path_factory.mktemp("deliveries") / "state.db"
    with ServerProcess(db, environment={"DW_WORKER_POLL_TIMEOUT": "10"}) as server:
        yield server


@pytest.fixture
def queue(wire: Wire) -> str:
    return queue_with_workers(wire)


def test_completion_sent_twice_is_applied_once(wire: Wire, queue: str) -> None:
    run = wire.start(f"{queue}-twice", workflow_type="t", queue=queue)
    task = wire.poll("workflow", f"{queue}-one", queue=queue)
    complete_workflow_task(wire, task, ACTIVITY).need()
    again = complete_workflow_task(wire, task, ACTIVITY)
    assert (again.status, again.reason) == (409, "task_not_leased")
    history = wire.history(f"{queue}-twice", run["run_id"])
    assert types(history).count("ActivityScheduled") == 1


def test_activity_reported_twice_is_recorded_once(wire: Wire, queue: str) -> None:
    run = wire.start(f"{queue}-report", workflow_type="t", queue=queue)
    task = wire.poll("workflow", f"{queue}-one", queue=queue)
    complete_workflow_task(wire, task, ACTIVITY).need()
    activity = wire.poll("activity", f"{queue}-one", queue=queue)
    assert report_activity(wire, activity).need()["recorded"] is True
    for verb in ("complete", "fail"):
        again = report_activity(wire, activity, verb)
        assert (again.status, again.reason) == (409, "stale_attempt")
        assert again.body["recorded"] is False
    complete_workflow_task(wire, wire.poll("workflow", f"{queue}-one", queue=queue)).need()
    assert violations(wire.history(f"{queue}-report", run["run_id"])) == []


def test_poll_sent_again_with_its_id_gets_the_same_task(wire: Wire, queue: str) -> None:
    for number in range(2):
        wire.start(f"{queue}-poll-{number}", workflow_type="t", queue=queue)
    worker = f"{queue}-one"
    first = wire.poll("workflow", worker, queue=queue, poll_request_id="p-1")
    again = wire.poll("workflow", worker, queue=queue, poll_request_id="p-1")
    other = wire.poll("workflow", worker, queue=queue, poll_request_id="p-2")
    assert again["task_id"] == first["task_id"]
    assert again["workflow_task_attempt"] == first["workflow_task_attempt"]
    assert other["task_id"] != first["task_id"]


def test_task_that_failed_comes_again_with_a_pause_and_the_run_stays_open(
    wire: Wire, queue: str
) -> None:
    workflow_id = f"{queue}-failing"
    run = wire.start(workflow_id, workflow_type="t", queue=queue)
    began = time.monotonic()
    for number in (1, 2):
        task = wire.poll("workflow", f"{queue}-one", queue=queue)
        path = f"/api/worker/workflow-tasks/{task['task_id']}/fail"
        body = {
            "lease_owner": task["lease_owner"],
            "workflow_task_attempt": task["workflow_task_attempt"],
            "failure": {"message": f"diverged {number}", "type": "NonDeterministicReplayError"},
        }
        assert wire.send("POST", path, body).need()["outcome"] == "failed"
        description = wire.describe(workflow_id)
        assert not description["is_terminal"]
        assert f"diverged {number}" in str(description)
    task = wire.poll("workflow", f"{queue}-one", queue=queue)
    assert time.monotonic() - began >= 3, "the pauses are 1 s and 2 s"
    complete_workflow_task(wire, task).need()
    assert types(wire.history(workflow_id, run["run_id"])) == [
        "StartAccepted",
        "WorkflowStarted",
        "WorkflowCompleted",
    ]


def test_members_of_a_fan_out_wake_the_workflow_once_and_are_not_scheduled_again(
    wire: Wire, queue: str
) -> None:
    workflow_id, worker = f"{queue}-batch", f"{queue}-one"
    run = wire.start(workflow_id, workflow_type="t", queue=queue)
    task = wire.poll("workflow", worker, queue=queue)
    complete_workflow_task(wire, task, ACTIVITY, ACTIVITY, ACTIVITY).need()
    activities = [wire.poll("activity", worker, queue=queue) for _ in range(3)]
    for number, activity in reversed(list(enumerate(activities))):
        answer = report_activity(wire, activity).need()
        assert (answer["next_task_id"] is not None) == (number == 0)
    task = wire.poll("workflow", worker, queue=queue)
    resolved = [e for e in task["history_events"] if e["event_type"] == "ActivityCompleted"]
    steps = [event["payload"]["sequence"] for event in resolved]
    assert steps == sorted(steps), "outcomes stand in the order of the list"
    complete_workflow_task(wire, task).need()
    description = wire.describe(workflow_id)
    assert open_envelope(description["output_envelope"]) == "done"
    assert violations(wire.history(workflow_id, run["run_id"])) == []
