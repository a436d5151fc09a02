"""Whether and how a run goes on, in one word and a sentence."""

from __future__ import annotations

from typing import Final

from durable_workflow.server.engine.state import LEASED, Activity, Run
from durable_workflow.server.views.describing import wait_of
from durable_workflow.server.views.findings import Problems

REPAIR_NEEDED: Final = "repair_needed"
# By the kind of wait; what waits for nothing of these needs somebody's help.
_WAITING: Final = {
    "condition": "waiting_for_condition",
    "child": "waiting_for_child",
    "timer": "timer_scheduled",
}


def state_of(run: Run, activities: list[Activity], problems: Problems) -> str:
    """What a run is at, in one word."""
    if run.closed:
        return "closed"
    if problems.replay_blocked:
        return "workflow_replay_blocked"
    if run.task_id is not None:
        return "workflow_task_leased" if run.task_status == LEASED else "workflow_task_ready"
    kind, _ = wait_of(run)
    if kind == "activity" or (kind is None and activities):
        leased = any(activity.task_status == LEASED for activity in activities)
        return "activity_task_leased" if leased else "activity_task_ready"
    return _WAITING.get(kind or "", REPAIR_NEEDED)


def reason_of(run: Run, state: str) -> str | None:
    """The sentence beside `state_of`."""
    if run.closed:
        return f"Run closed as {run.closed_reason}."
    if state == REPAIR_NEEDED:
        return "The run waits for nothing, and nothing is scheduled that would advance it."
    return wait_of(run)[1]
