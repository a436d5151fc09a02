"""Workflow tasks that nobody was given, because their decision came with a result.

Such a task is made ready, leased and ended by one unit. All that is known of it stands in the row
of the activity that returned, which the unit writes anyway; its id belongs to that of the
activity's task. So it has no row of its own.
"""

from __future__ import annotations

from durable_workflow.server.engine.activities import DECIDED_TASK
from durable_workflow.server.engine.state import COMPLETED, Activity, PastTask
from durable_workflow.server.ids import paired
from durable_workflow.server.records.runs import kept_session


def note(activity: Activity, session: str | None) -> str:
    """Note in a copy of an activity that the task which its result makes ready is decided.

    Args:
        session: That of the worker, which has decided.

    Returns:
        The id of the task.
    """
    activity.task_status = DECIDED_TASK
    activity.lease_session = kept_session(session)
    return paired(activity.task_id)


def of(activity: Activity) -> PastTask | None:
    """The task that was decided with an activity's result, or None."""
    if activity.task_status != DECIDED_TASK or activity.closed_at is None:
        return None
    return PastTask(
        task_id=paired(activity.task_id),
        run_id=activity.run_id,
        status=COMPLETED,
        closed_at=activity.closed_at,
        lease_owner=activity.lease_owner,
        lease_session=activity.lease_session,
        attempt=1,
        waited=0,
        held=0,
    )
