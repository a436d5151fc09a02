"""Answers that the tables of routes do not bring about, held against the description of the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from described import Described

from integration.harness.payloads import JsonObject
from integration.harness.processes import ServerProcess
from integration.harness.wire import Wire


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    db = tmp_path_factory.mktemp("rare") / "state.db"
    slow = {"DW_TASK_BACKOFF_FIRST_SECONDS": "60"}
    with ServerProcess(db, environment=slow) as server, Wire(server.url) as wire:
        described = Described(wire.send("GET", "/api/openapi.json").need())
        wire.watch = described.check
        wire.register("w", queue="q")
        yield wire


def run_with_an_activity(wire: Wire, name: str) -> JsonObject:
    """The leased activity task of a new run."""
    wire.start(name, workflow_type="t", queue="q")
    task = wire.poll("workflow", "w", queue="q")
    wire.complete(task, {"type": "schedule_activity", "activity_type": "a", "queue": "q"})
    return wire.poll("activity", "w", queue="q")


def test_each_outcome_of_a_trigger(wire: Wire) -> None:
    action = {"workflow_type": "nobodys", "task_queue": "nobodys"}
    spec = {"intervals": [{"every": "P1D"}]}
    schedule = {"schedule_id": "s", "spec": spec, "action": action}
    wire.send("POST", "/api/schedules", schedule).need(201)
    outcomes = ["triggered", "buffered", "buffer_full", "skipped"]
    policies = ["buffer_one", "buffer_one", "buffer_one", "skip"]
    for outcome, policy in zip(outcomes, policies, strict=True):
        body: JsonObject = {"overlap_policy": policy}
        answer = wire.send("POST", "/api/schedules/s/trigger", body).need()
        assert answer["outcome"] == outcome


def test_an_activity_that_a_worker_has(wire: Wire) -> None:
    run_with_an_activity(wire, "busy")
    answer = wire.send("GET", "/api/workflows/busy/debug").need()
    [activity] = answer["pending_activities"]
    assert activity["current_attempt"]["lease_owner"] == "w"


def test_rows_of_a_pass_over_activities(wire: Wire) -> None:
    activity = run_with_an_activity(wire, "in-time")
    ids = [activity["activity_execution_id"], "none"]
    answer = wire.send("POST", "/api/system/activity-timeouts/pass", {"execution_ids": ids}).need()
    assert [row["reason"] for row in answer["results"]] == [
        "no_deadline_expired",
        "execution_not_found",
    ]


def test_rows_of_a_pass_over_closed_runs(wire: Wire) -> None:
    runs = [wire.start(name, workflow_type="t", queue="idle") for name in ("closed", "open")]
    wire.send("POST", "/api/workflows/closed/terminate", {}).need()
    ids = [*(run["run_id"] for run in runs), "none"]
    answer = wire.send("POST", "/api/system/retention/pass", {"run_ids": ids}).need()
    assert [row["outcome"] for row in answer["results"]] == ["pruned", "skipped", "skipped"]
    assert answer["results"][0]["deleted"]["history_events_deleted"] > 0


def test_a_task_that_rests_after_a_failure(wire: Wire) -> None:
    wire.start("failing", workflow_type="t", queue="q")
    task = wire.poll("workflow", "w", queue="q")
    body = {
        "lease_owner": "w",
        "workflow_task_attempt": task["workflow_task_attempt"],
        "failure": {"message": "on purpose"},
    }
    wire.send("POST", f"/api/worker/workflow-tasks/{task['task_id']}/fail", body).need()
    wire.send("GET", "/api/system/repair").need()
    ids = [task["run_id"], "none"]
    repaired = wire.send("POST", "/api/system/repair/pass", {"run_ids": ids}).need()
    assert repaired["run_ids"] == ids
    assert repaired["repaired_existing_tasks"] == 0  # it rests, and is not lost
