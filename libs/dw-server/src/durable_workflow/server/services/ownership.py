"""Who may act on a workflow task: the owner of its lease alone (worker-protocol 3.3)."""

from __future__ import annotations

from typing import Any

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.state import LEASED, READY, Run, shown_status
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.records import runs
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import TaskOwner
from durable_workflow.server.store.protocol import Read


def guard(read: Read, namespace: str, owner: TaskOwner) -> Run:
    """The run whose leased task this owner holds, checked in the order of worker-protocol 3.3.

    Raises:
        Refused: It does not hold it, or not any more.
    """
    run = runs.by_task(read, namespace, owner.task_id)
    if run is None:
        raise _task_is_over(read, namespace, owner)
    if run.task_status != LEASED:
        raise _not_leased(owner, run.task_status)
    if run.lease_expires_at is not None and run.lease_expires_at <= read.now:
        # The timer service frees the lease; this unit changes nothing.
        raise refusal(
            owner,
            "lease_expired",
            "Workflow task lease has expired.",
            extra={
                "lease_owner": run.lease_owner,
                "lease_expires_at": precise(run.lease_expires_at),
                "task_status": run.task_status,
            },
        )
    if run.lease_owner != owner.lease_owner:
        raise refusal(
            owner,
            "lease_owner_mismatch",
            "Workflow task lease is owned by another worker.",
            extra={"lease_owner": run.lease_owner},
        )
    # The same attempt may have been made again, where the commit of the first was lost.
    if run.task_attempt != owner.attempt or run.lease_claim != owner.claim:
        raise refusal(
            owner,
            "workflow_task_attempt_mismatch",
            "Workflow task lease attempt does not match the current claim.",
            extra={"current_attempt": run.task_attempt},
        )
    return run


def run_closed_fields(run: Run) -> JsonObject:
    """What a worker is told of a run that has ended under its task."""
    return {
        "cancel_requested": run.status in ("cancelled", "terminated"),
        "can_continue": False,
        "run_status": shown_status(run),
        "run_closed_reason": run.closed_reason,
        "run_closed_at": precise_or_none(run.closed_at),
    }


def named(owner: TaskOwner) -> dict[str, Any]:
    """What every answer about a task repeats."""
    return {"task_id": owner.task_id, "workflow_task_attempt": owner.attempt}


def refusal(
    owner: TaskOwner,
    reason: str,
    message: str,
    *,
    extra: dict[str, Any] | None = None,
) -> Refused:
    """A refusal that names the task."""
    return Refused(reason, message, extra=named(owner) | (extra or {}))


def _not_leased(owner: TaskOwner, status: str | None) -> Refused:
    return refusal(
        owner,
        "task_not_leased",
        "Workflow task is not currently leased.",
        extra={"task_status": status or READY},
    )


def _task_is_over(read: Read, namespace: str, owner: TaskOwner) -> Refused:
    past = runs.of_past_task(read, namespace, owner.task_id)
    if past is None:
        return refusal(owner, "task_not_found", "Workflow task not found.")
    task_status, run_id = past
    run = runs.find(read, run_id)
    if run is None or not run.closed:
        return _not_leased(owner, task_status)
    known = run.status in ("cancelled", "terminated", "completed", "failed")
    extra = {
        "stop_reason": f"run_{run.status}" if known else "run_closed",
        "task_status": task_status,
    }
    return refusal(
        owner, "run_closed", "Workflow run is closed.", extra=extra | run_closed_fields(run)
    )
