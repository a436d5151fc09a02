"""What is shown of runs: one of them, and those of a workflow id."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.state import LEASED, TERMINAL, Run, RunDetails, shown_status
from durable_workflow.server.engine.times import offset, offset_or_none, precise, precise_or_none
from durable_workflow.server.records import instances, lists, runs
from durable_workflow.server.refusals import Refused
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views.decoding import decoded

_BUCKETS = {
    "completed": "completed",
    "failed": "failed",
    "cancelled": "failed",
    "terminated": "failed",
}


class Found(msgspec.Struct, frozen=True):
    """A run, and how it stands among the runs of its workflow id."""

    run: Run
    run_count: int
    is_current: bool


def find_run(read: Read, namespace: str, workflow_id: str, run_id: str | None = None) -> Found:
    """The current run of a workflow id, or the one named.

    Raises:
        Refused: There is none.
    """
    instance = instances.find(read, namespace, workflow_id)
    if instance is None and run_id is None:
        raise instance_not_found(workflow_id)
    run = None if instance is None else runs.find(read, run_id or instance.current_run_id)
    if (
        instance is None
        or run is None
        or (run.namespace, run.workflow_id) != (namespace, workflow_id)
    ):
        raise run_not_found(workflow_id, run_id or "")
    return Found(run, instance.run_count, is_current=run.run_id == instance.current_run_id)


def describe(
    read: Read, namespace: str, workflow_id: str, run_id: str | None = None
) -> dict[str, Any]:
    """One run of a workflow id: the current one, or the one named."""
    found = find_run(read, namespace, workflow_id, run_id)
    details = runs.details(read, found.run.run_id)
    return _description(found.run, details, run_count=found.run_count, current=found.is_current)


def list_runs(read: Read, namespace: str, workflow_id: str) -> dict[str, Any]:
    """All runs of a workflow id, first run first."""
    instance = instances.find(read, namespace, workflow_id)
    if instance is None:
        raise instance_not_found(workflow_id)
    shown: list[JsonObject] = []
    for run in lists.of_instance(read, namespace, workflow_id):
        status = shown_status(run)
        shown.append(
            {
                "workflow_id": workflow_id,
                "run_id": run.run_id,
                "run_number": run.run_number,
                "workflow_type": run.workflow_type,
                "business_key": run.business_key,
                "status": status,
                "status_bucket": bucket(status),
                "task_queue": run.task_queue,
                "started_at": precise(run.started_at),
                "closed_at": precise_or_none(run.closed_at),
                "is_current_run": run.run_id == instance.current_run_id,
            }
        )
    return {"workflow_id": workflow_id, "run_count": len(shown), "runs": shown}


def page_token(position: int) -> str:
    """The opaque form of a position in a list."""
    return base64.b64encode(str(position).encode()).decode()


def bucket(status: str) -> str:
    """The coarse status that lists are filtered by."""
    return _BUCKETS.get(status, "running")


def instance_not_found(workflow_id: str) -> Refused:
    """There is no workflow of that id in the namespace."""
    return Refused(
        "instance_not_found",
        "Workflow not found.",
        extra={"workflow_id": workflow_id},
    )


def run_not_found(workflow_id: str, run_id: str) -> Refused:
    """There is no such run of that id in the namespace."""
    return Refused(
        "run_not_found",
        "Workflow run not found.",
        extra={"workflow_id": workflow_id, "run_id": run_id},
    )


def run_removed(run_id: str) -> Refused:
    """A run was removed by retention while it was read."""
    return Refused("run_not_found", "Workflow run not found.", extra={"run_id": run_id})


def wait_of(run: Run) -> tuple[str | None, str | None]:
    """What an open run waits for: the kind, and a sentence."""
    if run.closed:
        return None, None
    if run.task_status == LEASED:
        return "workflow-task", "Workflow task leased to worker"
    if run.task_status is not None:
        if run.task_failures:
            at = precise(run.task_available_at)
            return "workflow-task", (
                f"Workflow task failed {run.task_failures} time(s), next attempt at {at}: "
                f"{run.task_error}"
            )
        return "workflow-task", "Workflow task ready"
    if run.wait_id is not None:
        what = "condition" if run.wait_key is None else f"condition {run.wait_key}"
        timed = " or timeout" if run.wait_timer_id is not None else ""
        return "condition", f"Waiting for {what}{timed}"
    if run.blocked_on is not None:
        kind, _, name = run.blocked_on.partition(":")
        what = f"{kind} {name}".rstrip()
        more = f" (one of {run.batch_size} steps, {run.batch_open} open)" * (run.batch_size > 1)
        return {"child workflow": "child"}.get(kind, kind), f"Waiting for {what}{more}"
    return None, None


def _description(run: Run, details: RunDetails, *, run_count: int, current: bool) -> dict[str, Any]:
    status = shown_status(run)
    wait_kind, wait_reason = wait_of(run)
    shown: dict[str, Any] = {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "namespace": run.namespace,
        "workflow_type": run.workflow_type,
        "business_key": details.business_key,
        "status": status,
        "status_bucket": bucket(status),
        "is_terminal": status in TERMINAL,
        "closed_reason": run.closed_reason,
        "task_queue": run.task_queue,
        "run_number": run.run_number,
        "run_count": run_count,
        "is_current_run": current,
        "compatibility": run.compatibility,
        "payload_codec": run.codec,
        "execution_timeout_seconds": run.execution_timeout_seconds,
        "run_timeout_seconds": run.run_timeout_seconds,
        "execution_deadline_at": offset_or_none(run.execution_deadline),
        "run_deadline_at": offset_or_none(run.run_deadline),
        "input": decoded(details.arguments) if details.arguments is not None else [],
        "output": decoded(details.output),
        "input_envelope": details.arguments,
        "output_envelope": details.output,
        "started_at": precise(run.started_at),
        "closed_at": precise_or_none(run.closed_at),
        "last_progress_at": offset(run.last_progress_at or run.started_at),
        "wait_kind": wait_kind,
        "wait_reason": wait_reason,
        "memo": details.memo,
        "search_attributes": details.search_attributes,
        "actions": _actions(run, current),
        "priority": run.priority,
        "fairness_key": run.fairness_key,
        "fairness_weight": run.fairness_weight,
        "history_event_count": run.last_sequence,
        "history_size_bytes": run.history_bytes,
        "workflow_task": _task(run),
    }
    if details.failure is not None:
        shown["failure"] = details.failure
    if run.continued_to_run_id is not None:
        shown["continued_to_run_id"] = run.continued_to_run_id
    if details.continued_from_run_id is not None:
        shown["continued_from_run_id"] = details.continued_from_run_id
    return shown


def _actions(run: Run, current: bool) -> JsonObject:
    can = current and not run.closed
    told = can and not run.hosts_activity  # No code would hear it.
    return (
        {f"can_{verb}": told for verb in ("signal", "query", "update")}
        | {f"can_{verb}": can for verb in ("cancel", "terminate", "repair")}
        | {"can_archive": current and run.closed and run.archived_at is None}
    )


def _task(run: Run) -> JsonObject | None:
    """The open workflow task, for people who wonder why nothing happens."""
    if run.task_id is None:
        return None
    return {
        "task_id": run.task_id,
        "status": run.task_status,
        "attempt": run.task_attempt,
        "available_at": precise(run.task_available_at),
        "lease_owner": run.lease_owner,
        "lease_expires_at": precise_or_none(run.lease_expires_at),
        "failure_count": run.task_failures,
        "last_error": run.task_error,
    }
