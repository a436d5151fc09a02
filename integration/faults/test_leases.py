"""Late and stale deliveries: fenced by lease owner and attempt, and applied once."""

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
from integration.harness.processes import ServerProcess
from integration.harness.wire import Wire

# What is done in time has so long: a machine may hold a test up for a good part of it.
LEASE_SECONDS = 3
ENVIRONMENT = {
    "DW_WORKFLOW_TASK_LEASE_SECONDS": str(LEASE_SECONDS),
    "DW_ACTIVITY_TASK_LEASE_SECONDS": str(LEASE_SECONDS),
    "DW_WORKER_POLL_TIMEOUT": "10",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    db = tmp_path_factory.mktemp("leases") / "state.db"
    with ServerProcess(db, environment=ENVIRONMENT) as server:
        yield server


@pytest.fixture
def queue(wire: Wire) -> str:
    return queue_with_workers(wire)


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
