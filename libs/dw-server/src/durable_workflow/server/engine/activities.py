"""Activity executions and their attempts: claims, leases, heartbeats (worker-protocol 5)."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.decision import Decision, NewId
from durable_workflow.server.engine.state import (
    CANCELLED,
    LEASED,
    PENDING,
    READY,
    RUNNING,
    Activity,
    ActivityPolicy,
    PastAttempt,
    Run,
)
from durable_workflow.server.engine.times import SECOND, precise, seconds

EXPIRED = "expired"
CLOSED_TASK = "closed"
# Likewise, and the workflow task that its result made ready is over too.
DECIDED_TASK = "decided"

_read_policy = msgspec.json.Decoder(ActivityPolicy).decode
_read_progress = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def policy_of(activity: Activity) -> ActivityPolicy | None:
    """The snapshot that was taken when the activity was scheduled."""
    return None if activity.policy is None else _read_policy(activity.policy)


def claim(
    run: Run,
    activity: Activity,
    now: int,
    new_id: NewId,
    *,
    worker_id: str,
    poll_request_id: str | None,
    lease_seconds: float,
    session: str | None = None,
) -> Decision:
    """Lease the activity's task to a worker, and begin an attempt."""
    decision = Decision(run, now, new_id)
    activity = replace(activity)
    policy = policy_of(activity)
    activity.status = RUNNING
    activity.attempt_count += 1
    activity.attempt_id = new_id()
    activity.task_status = LEASED
    activity.lease_owner = worker_id
    activity.lease_session = session
    activity.lease_expires_at = now + lease_length(policy, lease_seconds)
    activity.poll_request_id = poll_request_id
    activity.started_at = now
    activity.last_heartbeat_at = None
    if policy is not None:
        activity.start_to_close_at = _after(now, policy.start_to_close_timeout)
        activity.heartbeat_at = _after(now, policy.heartbeat_timeout)
    payload = ids_of(activity)
    decision.append(names.ACTIVITY_STARTED, payload, task_id=activity.task_id)
    decision.activities.append(activity)
    return decision


def renewed(activity: Activity, now: int, *, lease_seconds: float) -> Activity:
    """The activity with its lease renewed, for a poll that is repeated."""
    activity = replace(activity)
    activity.lease_expires_at = now + lease_length(policy_of(activity), lease_seconds)
    return activity


def lease_length(policy: ActivityPolicy | None, lease_seconds: float) -> int:
    """The configured lease, or the time the attempt may take and ten seconds, if that is longer."""
    lease = seconds(lease_seconds)
    if policy is None or policy.start_to_close_timeout is None:
        return lease
    return max(lease, (policy.start_to_close_timeout + 10) * SECOND)


def heartbeat(
    run: Run,
    activity: Activity,
    now: int,
    new_id: NewId,
    *,
    progress: JsonObject,
    lease_seconds: float,
) -> Decision:
    """Renew the lease and (R7) the heartbeat deadline."""
    decision = Decision(run, now, new_id)
    activity = replace(activity)
    policy = policy_of(activity)
    activity.lease_expires_at = now + lease_length(policy, lease_seconds)
    activity.last_heartbeat_at = now
    if policy is not None:
        activity.heartbeat_at = _after(now, policy.heartbeat_timeout)
    if progress:
        details = None if "details" in progress else reported_details(activity)
        kept = progress if details is None else progress | {"details": details}
        activity.progress = msgspec.json.encode(kept).decode()
    payload = ids_of(activity)
    payload["heartbeat_at"] = precise(now)
    payload["lease_expires_at"] = precise(activity.lease_expires_at)
    if progress:
        payload["progress"] = progress
    decision.append(names.ACTIVITY_HEARTBEAT_RECORDED, payload, task_id=activity.task_id)
    decision.activities.append(activity)
    return decision


def reported_details(activity: Activity) -> msgspec.Raw | None:
    """The newest details of a heartbeat of any attempt, as JSON; None where there are none."""
    if activity.progress is None:
        return None
    # Not parsed: they may be as long as a body, and nobody looks into them here.
    return _read_progress(activity.progress).get("details")


def expire_lease(run: Run, activity: Activity, now: int, new_id: NewId) -> Decision:
    """The worker is gone: offer the task again as a new attempt, whatever its retry policy says."""
    decision = Decision(run, now, new_id)
    activity = replace(activity)
    activity.redelivered += 1
    supersede_attempt(decision, activity, EXPIRED)
    activity.available_at = now
    queue_again(activity, now)
    decision.activities.append(activity)
    return decision


def cancelled(decision: Decision, activity: Activity, command_id: str | None) -> Activity:
    """The activity as the end of its run leaves it, once the event says so."""
    payload = ids_of(activity)
    if command_id is not None:
        payload["workflow_command_id"] = command_id
    payload["cancelled_at"] = precise(decision.now)
    decision.append(names.ACTIVITY_CANCELLED, payload, command_id=command_id)
    activity = replace(activity)
    close(activity, CANCELLED, decision.now)
    return activity


def supersede_attempt(decision: Decision, activity: Activity, status: str) -> None:
    """Remember the current attempt, which ends with `status`, so that its late report is known."""
    if activity.attempt_id is None:
        return  # Nobody ever had this task.
    decision.attempts.append(
        PastAttempt(
            activity.attempt_id,
            activity.task_id,
            activity.execution_id,
            activity.run_id,
            activity.attempt_count,
            status,
            activity.lease_owner,
            decision.now,
        )
    )


def queue_again(activity: Activity, from_: int, policy: ActivityPolicy | None = None) -> None:
    """Make the task of a copy ready again from `from_` on, in microseconds."""
    activity.status = PENDING
    activity.task_status = READY
    activity.attempt_id = activity.lease_owner = activity.lease_session = None
    activity.poll_request_id = None
    activity.lease_expires_at = activity.start_to_close_at = activity.heartbeat_at = None
    policy = policy or policy_of(activity)
    # R7: a retry has the full time to be picked up again.
    activity.schedule_to_start_at = (
        None if policy is None else _after(from_, policy.schedule_to_start_timeout)
    )


def close(activity: Activity, status: str, now: int) -> None:
    """Note in a copy how the activity ended."""
    activity.status = status
    activity.task_status = CLOSED_TASK
    activity.closed_at = now
    # A late report names its attempt and its worker.
    activity.lease_session = None


def ids_of(activity: Activity) -> JsonObject:
    """What every event about an attempt says."""
    payload: JsonObject = {"activity_execution_id": activity.execution_id}
    if activity.attempt_id is not None:
        payload["activity_attempt_id"] = activity.attempt_id
    payload["activity_class"] = activity.activity_type
    payload["activity_type"] = activity.activity_type
    payload["sequence"] = activity.sequence
    payload["attempt_number"] = activity.attempt_count
    return payload


def _after(now: int, timeout: int | None) -> int | None:
    return None if timeout is None else now + timeout * SECOND
