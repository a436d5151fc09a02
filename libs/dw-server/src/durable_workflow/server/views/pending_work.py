"""What a run has open, as operators see it: its workflow task, its activities, what comes next."""

from __future__ import annotations

from typing import Any

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.state import LEASED, READY, Activity, Run, Timer
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.records import activities as activity_records
from durable_workflow.server.records import timers
from durable_workflow.server.records.columns import value
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views.describing import wait_of
from durable_workflow.server.views.task_queues import is_overdue

MOST = 25


def workflow_tasks(run: Run, now: int) -> list[JsonObject]:
    """The open workflow task of a run: none, or one."""
    if run.task_id is None or run.closed:
        return []
    context: dict[str, Any] = value(run.task_context) or {}
    ready = run.task_status == READY
    shown: JsonObject = {
        "task_id": run.task_id,
        "type": "workflow",
        "status": run.task_status,
        "transport_state": _transport_state(run, now),
        "summary": wait_of(run)[1],
        "connection": run.connection,
        "queue": run.task_queue,
        "compatibility": run.compatibility,
        # Of a task that has failed this is when it is tried next.
        "available_at": precise(run.task_available_at),
        "leased_at": precise_or_none(run.leased_at),
        "lease_owner": run.lease_owner,
        "lease_expires_at": precise_or_none(run.lease_expires_at),
        "lease_expired": lease_expired(run, now),
        "attempt_count": run.task_attempt,
        # A task that failed is offered again by the server itself, after a rest: its repair.
        "repair_count": run.task_failures,
        "repair_available_at": precise(run.task_available_at)
        if has_failed(run) and ready
        else None,
        "dispatch_failed": False,
        "dispatch_overdue": ready and is_overdue(run.task_available_at, now),
        "claim_failed": has_failed(run),
        "last_error": run.task_error,
        "last_error_type": run.task_error_type,
        "workflow_wait_kind": None,
    }
    return [shown | context]


def has_failed(run: Run) -> bool:
    """Whether the open workflow task has failed, and has not succeeded since."""
    return run.task_failures > 0


def lease_expired(of: Run | Activity, now: int) -> bool:
    """Whether the lease of an open task ran out, and the timer service has not freed it yet."""
    expires_at = of.lease_expires_at
    return of.task_status == LEASED and expires_at is not None and expires_at <= now


def activities(read: Read, run: Run) -> list[Activity]:
    """The first activities of a run that have no outcome."""
    if run.closed or not run.pending_activities:
        return []
    return activity_records.first_open_of_run(read, run.run_id, MOST)


def shown_activity(activity: Activity, last_error: str | None, now: int) -> JsonObject:
    """One pending activity.

    Args:
        last_error: Why its last attempt failed, where that is known.
    """
    return {
        "activity_execution_id": activity.execution_id,
        "activity_type": activity.activity_type,
        "activity_class": activity.activity_type,
        "status": activity.status,
        "connection": activity.connection,
        "queue": activity.task_queue,
        "attempt_count": activity.attempt_count,
        "current_attempt_id": activity.attempt_id,
        "available_at": precise(activity.available_at),
        "started_at": precise_or_none(activity.started_at),
        "last_heartbeat_at": precise_or_none(activity.last_heartbeat_at),
        "schedule_deadline_at": precise_or_none(activity.schedule_to_start_at),
        "close_deadline_at": precise_or_none(activity.start_to_close_at),
        "schedule_to_close_deadline_at": precise_or_none(activity.schedule_to_close_at),
        "heartbeat_deadline_at": precise_or_none(activity.heartbeat_at),
        "last_error": last_error,
        "current_attempt": _current_attempt(activity, now),
    }


def next_event(read: Read, run: Run, open_activities: list[Activity]) -> JsonObject | None:
    """What the run continues with: its workflow task, or else what is due first."""
    if run.closed:
        return None
    if run.task_id is not None:
        return _next(
            "open_task",
            task_id=run.task_id,
            task_type="workflow",
            task_status=run.task_status,
            available_at=precise(run.task_available_at),
            lease_expires_at=precise_or_none(run.lease_expires_at),
        )
    due = [(_due_at(activity), _next_activity(activity)) for activity in open_activities]
    timer = timers.next_of_run(read, run.run_id)
    if timer is not None:
        due.append((timer.fire_at, _next_timer(timer)))
    if run.wait_fire_at is not None:
        at = precise(run.wait_fire_at)
        due.append((run.wait_fire_at, _next("run_summary", available_at=at, wait_deadline_at=at)))
    return min(due, key=lambda each: each[0])[1] if due else None


def _transport_state(run: Run, now: int) -> str:
    if run.task_status == LEASED:
        return "lease_expired" if lease_expired(run, now) else "leased"
    if run.task_available_at > now:
        return "retry_scheduled" if has_failed(run) else "scheduled"
    return "dispatch_overdue" if is_overdue(run.task_available_at, now) else "ready"


def _current_attempt(activity: Activity, now: int) -> JsonObject | None:
    if activity.attempt_id is None:
        return None
    return {
        "activity_attempt_id": activity.attempt_id,
        "attempt_number": activity.attempt_count,
        "status": activity.status,
        "lease_owner": activity.lease_owner,
        "started_at": precise_or_none(activity.started_at),
        "last_heartbeat_at": precise_or_none(activity.last_heartbeat_at),
        "lease_expires_at": precise_or_none(activity.lease_expires_at),
        "lease_expired": lease_expired(activity, now),
        "closed_at": precise_or_none(activity.closed_at),
    }


def _due_at(activity: Activity) -> int:
    if activity.task_status == READY:
        return activity.available_at
    return activity.due_at or activity.available_at


def _next_activity(activity: Activity) -> JsonObject:
    return _next(
        "open_task",
        task_id=activity.task_id,
        task_type="activity",
        task_status=activity.task_status,
        available_at=precise(activity.available_at),
        lease_expires_at=precise_or_none(activity.lease_expires_at),
    )


def _next_timer(timer: Timer) -> JsonObject:
    at = precise(timer.fire_at)
    if timer.wait_id is not None:
        return _next("run_summary", available_at=at, wait_deadline_at=at)
    return _next(
        "open_task",
        task_id=timer.timer_id,
        task_type="timer",
        task_status=timer.status,
        available_at=at,
    )


def _next(source: str, **known: str | None) -> JsonObject:
    members = (
        "task_id",
        "task_type",
        "task_status",
        "available_at",
        "lease_expires_at",
        "wait_deadline_at",
    )
    return {"source": source, **dict.fromkeys(members), **known}
