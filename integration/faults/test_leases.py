"""Late, doubled and stale deliveries: fenced by lease owner and attempt, and applied once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from integration.harness.histories import types, violations
from integration.harness.payloads import envelope, open_envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Answer, Wire

LEASE_SECONDS = 1
ENVIRONMENT = {
    "DW_WORKFLOW_TASK_LEASE_SECONDS": str(LEASE_SECONDS),
    "DW_ACTIVITY_TASK_LEASE_SECONDS": str(LEASE_SECONDS),
    "DW_WORKER_POLL_TIMEOUT": "10",
}
DONE = {"type": "complete_workflow", "result": envelope("done")}
ACTIVITY = {"type": "schedule_activity", "activity_type": "act", "arguments": envelope([])}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    db = tmp_path_factory.mktemp("leases") / "state.db"
    with ServerProcess(db, environment=ENVIRONMENT) as server:
        yield server


@pytest.fixture
def queue(wire: Wire) -> str:
    """A queue of the test's own with two workers, `<queue>-one` and `<queue>-two`."""
    queue = f"q-{uuid.uuid4().hex[:8]}"
    for name in ("one", "two"):
        wire.register(f"{queue}-{name}", queue=queue)
    return queue


def complete_workflow_task(wire: Wire, task: dict[str, Any], *commands: Any) -> Answer:
    body = {
        "lease_owner": task["lease_owner"],
        "workflow_task_attempt": task["workflow_task_attempt"],
        "commands": list(commands or [DONE]),
    }
    return wire.send("POST", f"/api/worker/workflow-tasks/{task['task_id']}/complete", body)


def report_activity(wire: Wire, task: dict[str, Any], verb: str = "complete") -> Answer:
    body: dict[str, Any] = {
        "activity_attempt_id": task["activity_attempt_id"],
        "lease_owner": task["lease_owner"],
    }
    body |= {"failure": {"message": "m"}} if verb == "fail" else {"result": envelope(1)}
    return wire.send("POST", f"/api/worker/activity-tasks/{task['task_id']}/{verb}", body)


def test_expired_workflow_task_goes_to_another_worker_and_the_late_completion_is_refused(
    wire: Wire, queue: str
) -> None:
    run = wire.start(f"{queue}-late", workflow_type="t", queue=queue)
    first = wire.poll("workflow", f"{queue}-one", queue=queue)
    # The long poll of the other worker ends when the lease does: nobody has to ask again.
    second = wire.poll("workflow", f"{queue}-two", queue=queue)
    assert second["task_id"] == first["task_id"]
    assert second["workflow_task_attempt"] == first["workflow_task_attempt"] + 1
    before = wire.history(f"{queue}-late", run["run_id"])

    late = complete_workflow_task(wire, first)

    assert (late.status, late.reason) == (409, "lease_owner_mismatch")
    assert wire.history(f"{queue}-late", run["run_id"]) == before
    assert complete_workflow_task(wire, second).need()["run_status"] == "completed"
    assert violations(wire.history(f"{queue}-late", run["run_id"])) == []


def test_same_worker_that_claims_again_is_fenced_by_the_attempt(wire: Wire, queue: str) -> None:
    wire.start(f"{queue}-attempt", workflow_type="t", queue=queue)
    first = wire.poll("workflow", f"{queue}-one", queue=queue)
    second = wire.poll("workflow", f"{queue}-one", queue=queue)
    assert second["task_id"] == first["task_id"]
    stale = complete_workflow_task(wire, first)
    assert (stale.status, stale.reason) == (409, "workflow_task_attempt_mismatch")
    assert stale.body["current_attempt"] == second["workflow_task_attempt"]
    complete_workflow_task(wire, second).need()


def test_completion_after_the_lease_ended_is_refused_though_nobody_else_came(
    wire: Wire, queue: str
) -> None:
    run = wire.start(f"{queue}-alone", workflow_type="t", queue=queue)
    task = wire.poll("workflow", f"{queue}-one", queue=queue)
    path = f"/api/worker/workflow-tasks/{task['task_id']}/history"
    body = {
        "lease_owner": task["lease_owner"],
        "workflow_task_attempt": 1,
        "next_history_page_token": "MQ==",
    }
    deadline = time.monotonic() + 10
    while (answer := wire.send("POST", path, body)).status == 200:
        assert time.monotonic() < deadline, "the lease never ended"
    assert answer.reason in {"lease_expired", "task_not_leased"}, answer
    refused = complete_workflow_task(wire, task)
    assert refused.status == 409
    assert refused.reason in {"lease_expired", "task_not_leased"}, refused
    assert types(wire.history(f"{queue}-alone", run["run_id"])) == [
        "StartAccepted",
        "WorkflowStarted",
    ]


def test_heartbeats_keep_a_workflow_task(wire: Wire, queue: str) -> None:
    wire.start(f"{queue}-kept", workflow_type="t", queue=queue)
    task = wire.poll("workflow", f"{queue}-one", queue=queue)
    path = f"/api/worker/workflow-tasks/{task['task_id']}/heartbeat"
    body = {"lease_owner": task["lease_owner"], "workflow_task_attempt": 1}
    held_since = time.monotonic()
    while time.monotonic() < held_since + 2 * LEASE_SECONDS:
        renewed = wire.send("POST", path, body).need()
        assert renewed["lease_expires_at"] > task["lease_expires_at"]
    complete_workflow_task(wire, task).need()


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


@pytest.mark.parametrize("verb", ["complete", "fail"])
def test_expired_activity_is_attempted_again_and_the_late_report_is_refused(
    wire: Wire, queue: str, verb: str
) -> None:
    workflow_id = f"{queue}-{verb}"
    run = wire.start(workflow_id, workflow_type="t", queue=queue)
    complete_workflow_task(
        wire, wire.poll("workflow", f"{queue}-one", queue=queue), ACTIVITY
    ).need()
    first = wire.poll("activity", f"{queue}-one", queue=queue)
    second = wire.poll("activity", f"{queue}-two", queue=queue)
    assert second["activity_execution_id"] == first["activity_execution_id"]
    assert second["activity_attempt_id"] != first["activity_attempt_id"]
    assert second["attempt_number"] == first["attempt_number"] + 1
    late = report_activity(wire, first, verb)
    assert (late.status, late.reason) == (409, "stale_attempt"), late.body
    report_activity(wire, second).need()
    complete_workflow_task(wire, wire.poll("workflow", f"{queue}-two", queue=queue)).need()
    history = wire.history(workflow_id, run["run_id"])
    assert violations(history) == []
    assert types(history).count("ActivityStarted") == 2
    assert types(history).count("ActivityRetryScheduled") == 0


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
