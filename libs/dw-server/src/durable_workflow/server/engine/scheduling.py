"""Scheduling an activity: its row, its first task, and the event that says so."""

from __future__ import annotations

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import batches
from durable_workflow.server.engine.decision import Decision, NewActivity
from durable_workflow.server.engine.state import Activity, ActivityPolicy
from durable_workflow.server.engine.times import SECOND
from durable_workflow.server.fields import RetryPolicy


class Scheduling(msgspec.Struct, kw_only=True):
    """What is to be run.

    Attributes:
        arguments: The envelope of the positional arguments; None for none.
        label: What its starter calls the class of the activity; None for nothing.
    """

    activity_type: str
    task_queue: str
    arguments: JsonObject | None = None
    policy: ActivityPolicy | None = None
    connection: str | None = None
    label: str | None = None


def schedule(
    decision: Decision, what: Scheduling, *, sequence: int, task_id: str | None = None
) -> None:
    """Add an activity to a run, with a task that may be taken at once.

    Args:
        sequence: The workflow sequence of the step.
        task_id: The workflow task that asks for it, if one does.
    """
    run, now, policy = decision.run, decision.now, what.policy
    activity = Activity(
        execution_id=decision.new_id(),
        run_id=run.run_id,
        namespace=run.namespace,
        sequence=sequence,
        activity_type=what.activity_type,
        task_queue=what.task_queue,
        priority=run.priority,
        fairness_key=run.fairness_key,
        fairness_weight=run.fairness_weight,
        codec=run.codec if what.arguments is None else what.arguments["codec"],
        policy=None if policy is None else msgspec.json.encode(policy).decode(),
        scheduled_at=now,
        connection=what.connection,
        task_id=decision.new_id(),
        available_at=now,
    )
    if policy is not None:
        if policy.schedule_to_start_timeout is not None:
            activity.schedule_to_start_at = now + policy.schedule_to_start_timeout * SECOND
        if policy.schedule_to_close_timeout is not None:
            activity.schedule_to_close_at = now + policy.schedule_to_close_timeout * SECOND
    decision.append(
        names.ACTIVITY_SCHEDULED,
        {
            "activity_execution_id": activity.execution_id,
            "activity_class": activity.activity_type,
            "activity_type": activity.activity_type,
            "sequence": sequence,
            "activity": _snapshot(activity, policy),
        },
        task_id=task_id,
    )
    batches.add(run, sequence, f"activity:{activity.activity_type}")
    decision.new_activities.append(NewActivity(activity, what.arguments, what.label))
    decision.created_task_ids.append(activity.task_id)


def policy_from(retries: RetryPolicy | None, **timeouts: int | None) -> ActivityPolicy | None:
    """The snapshot of retries and timeouts; None where nothing is said of either.

    Args:
        timeouts: By the names of the snapshot's fields, in seconds.
    """
    policy = ActivityPolicy(**timeouts)  # type: ignore[arg-type]  # the names are those of timeouts
    if retries is None:
        return policy if policy != ActivityPolicy() else None
    policy.max_attempts = retries.max_attempts
    policy.backoff_seconds = retries.backoff_seconds
    policy.non_retryable_error_types = retries.non_retryable_error_types
    return policy


def _snapshot(activity: Activity, policy: ActivityPolicy | None) -> JsonObject:
    snapshot: JsonObject = {
        "id": activity.execution_id,
        "idempotency_key": activity.execution_id,
        "sequence": activity.sequence,
        "type": activity.activity_type,
        "class": activity.activity_type,
        "status": activity.status,
        "payload_codec": activity.codec,
        "attempt_count": 0,
        "queue": activity.task_queue,
    }
    if activity.connection is not None:
        snapshot["connection"] = activity.connection
    if policy is not None:
        snapshot["retry_policy"] = policy
    return snapshot
