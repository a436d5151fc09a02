"""Why a run does not go on: everything that the server knows of it, in one document."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.state import TERMINAL, Activity, Run, shown_status
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.records import history as records
from durable_workflow.server.records import runs
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import (
    failures,
    findings,
    fleet,
    liveness,
    pending_work,
    task_queues,
)
from durable_workflow.server.views.describing import bucket, wait_of
from durable_workflow.server.views.findings import Problems

PREVIEW_BYTES: Final = 4096
_MOST_KEYS = 20


def debug(
    read: Read, run: Run, settings: ServiceSettings, *, pending_queries: int, preview: bool
) -> dict[str, Any]:
    """Everything about a run that an operator may want to know (control-plane 4.6).

    Args:
        pending_queries: Queries that wait for workers of the run's queue.
        preview: Whether to show the beginning of the last event's payload.
    """
    namespace, now = run.namespace, read.now
    activities = pending_work.activities(read, run)
    tried_again = any(activity.attempt_count for activity in activities)
    errors = failures.last_errors(read, run) if tried_again else {}
    queue = task_queues.describe(
        read, namespace, run.task_queue, settings, pending_queries=pending_queries
    )
    problems = findings.problems_of(read, run, activities)
    tasks = pending_work.workflow_tasks(run, now)
    return {
        "generated_at": precise(now),
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "namespace": namespace,
        "diagnostic_status": _diagnostic_status(run, problems, bool(tasks or activities), queue),
        "execution": _execution(read, run, activities, problems, preview=preview),
        "pending_workflow_tasks": tasks,
        "pending_activities": [
            pending_work.shown_activity(activity, errors.get(activity.execution_id), now)
            for activity in activities
        ],
        "task_queue": queue,
        "recent_failures": failures.recent(
            read, run, runs.details(read, run.run_id).failure if run.closed else None
        ),
        "compatibility": {
            "run": {
                "compatibility": run.compatibility,
                "summary_compatibility": run.compatibility,
                "task_queue": run.task_queue,
            },
            "task_queue_pollers": queue["pollers"],
            "namespace_worker_fleet": fleet.summary(read, namespace, settings),
        },
        "findings": findings.of_run(read, run, activities, problems, settings),
    }


def _diagnostic_status(run: Run, problems: Problems, work: bool, queue: JsonObject) -> str:
    if run.closed:
        return "terminal"
    if problems.task_problem or problems.repair_attention or problems.set_aside:
        return "needs_attention"
    if work:
        return "pending_work"
    if wait_of(run)[0] is not None:
        return "waiting"
    return "queue_backlog" if queue["stats"]["approximate_backlog_count"] else "running"


def _execution(
    read: Read, run: Run, activities: list[Activity], problems: Problems, *, preview: bool
) -> JsonObject:
    status = shown_status(run)
    wait_kind, wait_reason = wait_of(run)
    state = liveness.state_of(run, activities, problems)
    return {
        "status": status,
        "status_bucket": bucket(status),
        "is_terminal": status in TERMINAL,
        "workflow_type": run.workflow_type,
        "task_queue": run.task_queue,
        "compatibility": run.compatibility,
        "run_number": run.run_number,
        "started_at": precise(run.started_at),
        "closed_at": precise_or_none(run.closed_at),
        "last_progress_at": precise(run.last_progress_at or run.started_at),
        "wait_kind": wait_kind,
        "wait_reason": wait_reason,
        "liveness_state": state,
        "liveness_reason": liveness.reason_of(run, state),
        "repair_attention": problems.repair_attention,
        "task_problem": problems.task_problem,
        "task_problem_badge": findings.badge(run, problems),
        "last_event": _last_event(read, run, preview=preview),
        "next_scheduled_event": pending_work.next_event(read, run, activities),
    }


def _last_event(read: Read, run: Run, *, preview: bool) -> JsonObject | None:
    found = records.between(read, run.run_id, run.last_sequence - 1, run.last_sequence, 1)
    if not found:
        return None
    record = failures.read_record(found[0])
    payload = bytes(record.payload)
    # The payload of an event is an object, always: the engine writes no other.
    keys = list(msgspec.json.decode(payload, type=dict[str, msgspec.Raw]))
    shown: JsonObject = {
        "sequence": record.sequence,
        "event_type": record.event_type,
        "timestamp": record.timestamp,
        "payload_summary": {
            "included": preview,
            "encoding": "json",
            "size_bytes": len(payload),
            "top_level_type": "object",
            "top_level_key_count": len(keys),
            "top_level_keys": keys[:_MOST_KEYS],
            "top_level_keys_truncated": len(keys) > _MOST_KEYS,
            "preview_max_bytes": PREVIEW_BYTES,
        },
    }
    if preview:
        shown["payload_preview"] = {
            "encoding": "json",
            "size_bytes": len(payload),
            "max_bytes": PREVIEW_BYTES,
            "truncated": len(payload) > PREVIEW_BYTES,
            # Cut between characters, never inside one.
            "data": payload[:PREVIEW_BYTES].decode("utf-8", errors="ignore"),
        }
    return shown
