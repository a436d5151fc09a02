"""When a run or an activity needs the clock next."""

from __future__ import annotations

from durable_workflow.server.engine.state import LEASED, READY, Activity, Run


def run_due_at(run: Run, now: int) -> int | None:
    """When this run needs the clock next: its deadlines, its lease, its delayed or offered task.

    A task that is available already is not due: if it were, the timer service would never rest.
    """
    if run.closed:
        return None
    due = [run.execution_deadline] if run.execution_deadline is not None else []
    if run.run_deadline is not None:
        due.append(run.run_deadline)
    if run.task_status == LEASED and run.lease_expires_at is not None:
        due.append(run.lease_expires_at)
    elif run.task_status == READY:
        due.extend(at for at in (run.task_available_at, run.sticky_until) if at > now)
    return min(due, default=None)


def activity_due_at(activity: Activity, now: int) -> int | None:
    """When this activity needs the clock next: the earliest of its deadlines, lease and delay."""
    if activity.closed_at is not None:
        return None
    candidates = [activity.schedule_to_close_at]
    if activity.task_status == LEASED:
        candidates += [
            activity.lease_expires_at,
            activity.heartbeat_at,
            activity.start_to_close_at,
        ]
    else:
        candidates.append(activity.schedule_to_start_at)
        if activity.available_at > now:
            candidates.append(activity.available_at)
    return min((at for at in candidates if at is not None), default=None)
