"""Well-formed requests that are refused: what they speak of is not there, or not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration.contract.tables.rows import Bad
from integration.harness.payloads import envelope

TASK = {"lease_owner": "$worker", "workflow_task_attempt": "$attempt"}
ATTEMPT = {"lease_owner": "$worker", "activity_attempt_id": "$activity_attempt"}
COMMANDS = {"commands": [{"type": "complete_workflow", "result": envelope(1)}]}

# What else each route of a leased task wants in its body.
WORKFLOW_TASK_ROUTES: dict[str, dict[str, Any]] = {
    "history": {"next_history_page_token": "MQ=="},
    "heartbeat": {},
    "complete": COMMANDS,
    "fail": {"failure": {"message": "m"}},
}
ACTIVITY_TASK_ROUTES: dict[str, dict[str, Any]] = {
    "complete": {"result": envelope(1)},
    "fail": {"failure": {"message": "m"}},
}


def guard_rows() -> Iterator[Bad]:
    """Yield every row of this module."""
    yield from _start()
    yield from _unknown_workflows()
    yield from _workers()
    yield from _polls()
    for verb, rest in WORKFLOW_TASK_ROUTES.items():
        yield from _workflow_task(verb, rest)
    for verb, rest in ACTIVITY_TASK_ROUTES.items():
        yield from _activity_task(verb, rest)
    yield from _activity_heartbeat()
    for token in ["!!!", "MA==", "LTE=", "YWJj"]:
        yield Bad(
            name=f"history page token {token}",
            path="/api/worker/workflow-tasks/{task}/history",
            body={**TASK, "next_history_page_token": token},
            status=400,
            reason="invalid_page_token",
        )


def _start() -> Iterator[Bad]:
    yield Bad(
        name="start: the id belongs to another type",
        path="/api/workflows",
        body={"workflow_id": "$workflow", "workflow_type": "other", "task_queue": "$queue"},
        status=422,
        reason="validation_failed",
        errors=("workflow_type",),
    )


def _unknown_workflows() -> Iterator[Bad]:
    for path, reason in [
        ("/api/activities/unknown", "instance_not_found"),
        ("/api/activities/{workflow}", "instance_not_found"),
        ("/api/workflows/unknown", "instance_not_found"),
        ("/api/workflows/unknown/debug", "instance_not_found"),
        ("/api/workflows/unknown/runs", "instance_not_found"),
        ("/api/workflows/unknown/runs/01x", "run_not_found"),
        ("/api/workflows/unknown/runs/01x/debug", "run_not_found"),
        ("/api/workflows/unknown/runs/01x/history", "run_not_found"),
        ("/api/workflows/{workflow}/runs/01x", "run_not_found"),
        ("/api/workflows/{workflow}/runs/01x/debug", "run_not_found"),
        ("/api/workflows/{workflow}/runs/01x/history", "run_not_found"),
        ("/api/workflows/{workflow}/runs/{closed_run}", "run_not_found"),
        ("/api/workflows/{workflow}/runs/{closed_run}/debug", "run_not_found"),
        ("/api/workflows/{workflow}/runs/{closed_run}/history", "run_not_found"),
    ]:
        yield Bad(name=f"GET {path}", method="GET", path=path, status=404, reason=reason)


def _workers() -> Iterator[Bad]:
    yield Bad(
        name="heartbeat of an unknown worker",
        path="/api/worker/heartbeat",
        body={"worker_id": "ghost"},
        status=404,
        reason="worker_not_registered",
        has={"worker_id": "ghost"},
    )
    yield Bad(
        name="register with a changed definition",
        path="/api/worker/register",
        body={
            "worker_id": "$worker",
            "task_queue": "$queue",
            "runtime": "python",
            "build_id": "b1",
            "supported_workflow_types": ["scene"],
            "workflow_definition_fingerprints": {"scene": "sha256:zz"},
        },
        status=409,
        reason="workflow_definition_changed",
        has={"workflow_type": "scene"},
    )


def _polls() -> Iterator[Bad]:
    for kind in ["workflow", "activity", "query"]:
        path = f"/api/worker/{kind}-tasks/poll"
        yield Bad(
            name=f"{kind} poll of an unknown worker",
            path=path,
            body={"worker_id": "ghost", "task_queue": "$queue"},
            status=412,
            reason="worker_not_registered",
            has={"worker_id": "ghost"},
        )
        yield Bad(
            name=f"{kind} poll of another queue",
            path=path,
            body={"worker_id": "$worker", "task_queue": "other"},
            status=409,
            reason="task_queue_mismatch",
            has={"registered_task_queue": "$queue", "requested_task_queue": "other"},
        )
        yield Bad(
            name=f"{kind} poll of another build",
            path=path,
            body={"worker_id": "$worker", "task_queue": "$queue", "build_id": "b2"},
            status=409,
            reason="build_id_mismatch",
            has={"registered_build_id": "b1", "requested_build_id": "b2"},
        )


def _workflow_task(verb: str, rest: dict[str, Any]) -> Iterator[Bad]:
    def row(
        name: str, task: str, owner: dict[str, Any], status: int, reason: str, **has: Any
    ) -> Bad:
        return Bad(
            name=f"workflow task {verb}: {name}",
            path=f"/api/worker/workflow-tasks/{task}/{verb}",
            body={**owner, **rest},
            status=status,
            reason=reason,
            has=has,
        )

    yield row("unknown task", "01nope", TASK, 404, "task_not_found")
    yield row("an activity task", "{activity_task}", TASK, 404, "task_not_found")
    yield row(
        "another owner",
        "{task}",
        {**TASK, "lease_owner": "someone-else"},
        409,
        "lease_owner_mismatch",
        lease_owner="$worker",
    )
    yield row(
        "another attempt",
        "{task}",
        {**TASK, "workflow_task_attempt": 99},
        409,
        "workflow_task_attempt_mismatch",
        current_attempt=1,
    )
    yield row("a task that is done", "{done_task}", TASK, 409, "task_not_leased")
    yield row(
        "a task of a closed run",
        "{closed_task}",
        TASK,
        409,
        "run_closed",
        stop_reason="run_completed",
        can_continue=False,
        cancel_requested=False,
    )


def _activity_task(verb: str, rest: dict[str, Any]) -> Iterator[Bad]:
    def row(
        name: str, task: str, owner: dict[str, Any], status: int, reason: str, **has: Any
    ) -> Bad:
        return Bad(
            name=f"activity task {verb}: {name}",
            path=f"/api/worker/activity-tasks/{task}/{verb}",
            body={**owner, **rest},
            status=status,
            reason=reason,
            has=has,
        )

    yield row("unknown task", "01nope", ATTEMPT, 404, "task_not_found")
    yield row("a workflow task", "{task}", ATTEMPT, 404, "task_not_found")
    yield row(
        "unknown attempt",
        "{activity_task}",
        {**ATTEMPT, "activity_attempt_id": "nope"},
        404,
        "attempt_not_found",
        activity_attempt_id="nope",
    )
    yield row(
        "another owner",
        "{activity_task}",
        {**ATTEMPT, "lease_owner": "someone-else"},
        409,
        "lease_owner_mismatch",
        lease_owner="$worker",
    )


def _activity_heartbeat() -> Iterator[Bad]:
    for name, task, owner, status, reason in [
        ("unknown task", "01nope", ATTEMPT, 404, "task_not_found"),
        (
            "unknown attempt",
            "{activity_task}",
            {**ATTEMPT, "activity_attempt_id": "nope"},
            404,
            "attempt_not_found",
        ),
        (
            "another owner",
            "{activity_task}",
            {**ATTEMPT, "lease_owner": "someone-else"},
            409,
            "lease_owner_mismatch",
        ),
    ]:
        yield Bad(
            name=f"activity task heartbeat: {name}",
            path=f"/api/worker/activity-tasks/{task}/heartbeat",
            body=owner,
            status=status,
            reason=reason,
        )
