"""What is shown of activities that no workflow started (control-plane 14)."""

from __future__ import annotations

from typing import Any

from durable_workflow._wire import names
from durable_workflow.server.engine.standalone import SEQUENCE
from durable_workflow.server.engine.state import TERMINAL, Activity, Run, shown_status
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.records import activities as records
from durable_workflow.server.records import instances, runs
from durable_workflow.server.records import lists as list_records
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import ListActivities, ListWorkflows
from durable_workflow.server.store.protocol import Read, Store
from durable_workflow.server.views import lists
from durable_workflow.server.views.activity_attempts import attempts
from durable_workflow.server.views.describing import bucket


def started(run: Run, activity: Activity, label: str | None) -> dict[str, Any]:
    """An activity as its starter is told of it: what it is, and when it has to be done.

    Args:
        run: The run that hosts it.
        label: What its starter calls its class.
    """
    return {
        "activity_id": run.workflow_id,
        "activity_execution_id": activity.execution_id,
        "workflow_run_id": run.run_id,
        "workflow_id": run.workflow_id,
        "workflow_type": run.workflow_type,
        "activity_type": activity.activity_type,
        "activity_class": label,
        "task_queue": activity.task_queue,
        "namespace": run.namespace,
        "status": shown_status(run),
        "payload_codec": activity.codec,
        "started_at": precise(run.started_at),
        "schedule_to_start_deadline_at": precise_or_none(activity.schedule_to_start_at),
        "schedule_to_close_deadline_at": precise_or_none(activity.schedule_to_close_at),
    }


def describe(read: Read, namespace: str, activity_id: str) -> dict[str, Any]:
    """The newest execution of an activity id, with its result or failure.

    Raises:
        Refused: There is no standalone activity of that id.
    """
    instance = instances.find(read, namespace, activity_id)
    run = None if instance is None else runs.find(read, instance.current_run_id)
    if run is None or not run.hosts_activity:
        raise Refused(
            "instance_not_found", "Activity not found.", extra={"activity_id": activity_id}
        )
    details = runs.details(read, run.run_id)
    activity, label = records.of_step(read, run.run_id, SEQUENCE)
    shown = _description(run, activity, label, details.business_key) | {"result": details.output}
    shown["attempts"] = found = attempts(read, run, activity)
    shown["current_attempt_status"] = found[-1]["status"] if activity.attempt_id else None
    if details.output is not None:
        # The worker's codec need not be the starter's.
        shown["payload_codec"] = details.output["codec"]
    if details.failure is not None:
        shown["failure"] = details.failure
    return shown


async def list_activities(store: Store, namespace: str, request: ListActivities) -> dict[str, Any]:
    """A page of the standalone activities of a namespace, newest first, without results."""
    runs_asked = ListWorkflows(
        workflow_type=names.STANDALONE_ACTIVITY,
        status=request.status,
        page_size=request.page_size,
        page_token=request.page_token,
    )
    ids, token = await lists.page_of_ids(store, namespace, runs_asked)

    def rows(read: Read) -> list[dict[str, Any]]:
        return [
            _description(run, *records.of_step(read, run.run_id, SEQUENCE), listed.business_key)
            for listed in list_records.of_ids(read, ids)
            if (run := runs.find(read, listed.run_id)) is not None
        ]

    shown = await store.read(rows) if ids else []
    return {"activities": shown, "activity_count": len(shown), "next_page_token": token}


def _description(
    run: Run, activity: Activity, label: str | None, business_key: str | None
) -> dict[str, Any]:
    status = shown_status(run)
    return started(run, activity, label) | {
        "activity_status": activity.status,
        "status_bucket": bucket(status),
        "is_terminal": status in TERMINAL,
        "closed_reason": run.closed_reason,
        "business_key": business_key,
        "closed_at": precise_or_none(run.closed_at),
        "last_progress_at": precise(run.last_progress_at),
        "last_heartbeat_at": precise_or_none(activity.last_heartbeat_at),
        "attempt_count": activity.attempt_count,
        "current_attempt_id": activity.attempt_id,
    }
