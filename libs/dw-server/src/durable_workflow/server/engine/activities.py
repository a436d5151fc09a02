"""Activity executions: claims, reports, retries, the four timeouts, leases (worker-protocol 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine import batches
from durable_workflow.server.engine.decision import Decision, NewId, encode_payload
from durable_workflow.server.engine.payloads import blob_size, recorded
from durable_workflow.server.engine.state import (
    CANCELLED,
    COMPLETED,
    FAILED,
    LEASED,
    PENDING,
    READY,
    RUNNING,
    Activity,
    ActivityPolicy,
    JsonObject,
    Outcome,
    PastAttempt,
    Run,
    as_object,
)
from durable_workflow.server.engine.times import SECOND, precise, seconds

EXPIRED = "expired"
CLOSED_TASK = "closed"

_read_policy = msgspec.json.Decoder(ActivityPolicy).decode


class Failure(msgspec.Struct):
    """Why an attempt failed, as its worker said it."""

    message: str
    type: str | None = None
    non_retryable: bool = False
    details: Any = None
    stack_trace: str | None = None


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
) -> Decision:
    """Lease the activity's task to a worker, and begin an attempt. Changes `activity`."""
    decision = Decision(run, now, new_id)
    policy = policy_of(activity)
    activity.status = RUNNING
    activity.attempt_count += 1
    activity.attempt_id = new_id()
    activity.task_status = LEASED
    activity.lease_owner = worker_id
    activity.lease_expires_at = now + lease_length(policy, lease_seconds)
    activity.poll_request_id = poll_request_id
    activity.started_at = now
    activity.last_heartbeat_at = None
    if policy is not None:
        activity.start_to_close_at = _after(now, policy.start_to_close_timeout)
        activity.heartbeat_at = _after(now, policy.heartbeat_timeout)
    payload = _ids(activity)
    decision.append(names.ACTIVITY_STARTED, payload, task_id=activity.task_id)
    decision.activities.append(activity)
    return decision


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
    """Renew the lease and (R7) the heartbeat deadline. Changes `activity`."""
    decision = Decision(run, now, new_id)
    policy = policy_of(activity)
    activity.lease_expires_at = now + lease_length(policy, lease_seconds)
    activity.last_heartbeat_at = now
    if policy is not None:
        activity.heartbeat_at = _after(now, policy.heartbeat_timeout)
    if progress:
        activity.progress = msgspec.json.encode(progress).decode()
    payload = _ids(activity)
    payload["heartbeat_at"] = precise(now)
    payload["lease_expires_at"] = precise(activity.lease_expires_at)
    if progress:
        payload["progress"] = progress
    decision.append(names.ACTIVITY_HEARTBEAT_RECORDED, payload, task_id=activity.task_id)
    decision.activities.append(activity)
    return decision


def complete(
    run: Run,
    activity: Activity,
    now: int,
    new_id: NewId,
    *,
    result: Any,
    payload_limit: int,
    others: Sequence[Outcome],
) -> Decision:
    """The attempt returned. A result over the limit is a failure that is not retried.

    Changes `activity`. `others` are the withheld outcomes, needed where this completes the batch.
    """
    size = blob_size(result)
    if payload_limit and size > payload_limit:
        decision = Decision(run, now, new_id)
        message = f"Structural limit exceeded: the activity result has {size} bytes."
        failed = _failed(decision, activity, Failure(message, "ResultTooLarge", True))
        failed["failure_category"] = "structural_limit"
        failed["structural_limit_kind"] = "payload_size"
        failed["structural_limit_value"] = size
        failed["structural_limit_configured"] = payload_limit
        _end(decision, activity, FAILED, names.ACTIVITY_FAILED, failed, others)
        return decision
    decision = Decision(run, now, new_id)
    payload = _ids(activity)
    envelope = as_object(result)
    if envelope is not None and "codec" in envelope:
        payload["result"] = recorded(envelope)
        payload["payload_codec"] = envelope["codec"]
    else:
        payload["result"] = result
        payload["payload_codec"] = activity.codec
    _end(decision, activity, COMPLETED, names.ACTIVITY_COMPLETED, payload, others)
    return decision


def fail(
    run: Run,
    activity: Activity,
    now: int,
    new_id: NewId,
    *,
    failure: Failure,
    others: Sequence[Outcome],
) -> Decision:
    """The attempt failed: it is tried again, or the failure is the outcome. Changes `activity`."""
    decision = Decision(run, now, new_id)
    policy = policy_of(activity)
    never = failure.non_retryable or (
        policy is not None and failure.type in policy.non_retryable_error_types
    )
    if policy is None or never or activity.attempt_count >= policy.max_attempts:
        payload = _failed(decision, activity, failure)
        _end(decision, activity, FAILED, names.ACTIVITY_FAILED, payload, others)
    else:
        _retry(decision, activity, policy, FAILED, _cause(failure))
    return decision


def overdue(activity: Activity, now: int) -> str | None:
    """The kind of timeout that has passed, in the order in which they are looked at."""
    if _passed(activity.schedule_to_close_at, now):
        return "schedule_to_close"
    if activity.status == PENDING:
        return "schedule_to_start" if _passed(activity.schedule_to_start_at, now) else None
    if _passed(activity.heartbeat_at, now):
        return "heartbeat"
    return "start_to_close" if _passed(activity.start_to_close_at, now) else None


def time_out(
    run: Run,
    activity: Activity,
    now: int,
    new_id: NewId,
    *,
    timeout_kind: str,
    others: Sequence[Outcome],
) -> Decision:
    """A deadline passed: the activity is tried again, or timed out for good. Changes `activity`."""
    decision = Decision(run, now, new_id)
    policy = policy_of(activity)
    if activity.status == PENDING:
        # Nobody began the attempt that was waited for. It counts, or it would be retried for ever.
        activity.attempt_count += 1
    message = f"Activity {activity.activity_type} exceeded its {timeout_kind} timeout."
    final = timeout_kind == "schedule_to_close"
    if policy is not None and not final and activity.attempt_count < policy.max_attempts:
        cause = {
            "timeout_kind": timeout_kind,
            "exception_class": "ActivityTimeoutException",
            "message": message,
        }
        _retry(decision, activity, policy, EXPIRED, cause)
        return decision
    payload = _ids(activity)
    payload["failure_id"] = new_id()
    payload["failure_category"] = "timeout"
    payload["timeout_kind"] = timeout_kind
    payload["message"] = message
    payload["exception_class"] = "ActivityTimeoutException"
    for key, at in (
        ("schedule_deadline_at", activity.schedule_to_start_at),
        ("close_deadline_at", activity.start_to_close_at),
        ("schedule_to_close_deadline_at", activity.schedule_to_close_at),
        ("heartbeat_deadline_at", activity.heartbeat_at),
    ):
        if at is not None:
            payload[key] = precise(at)
    _end(decision, activity, FAILED, names.ACTIVITY_TIMED_OUT, payload, others)
    return decision


def expire_lease(run: Run, activity: Activity, now: int, new_id: NewId) -> Decision:
    """The worker is gone: offer the task again, as a new attempt, whatever the policy says."""
    decision = Decision(run, now, new_id)
    _supersede_attempt(decision, activity, EXPIRED)
    activity.available_at = now
    _queue_again(activity, now)
    decision.activities.append(activity)
    return decision


def cancel(decision: Decision, activity: Activity, command_id: str | None) -> None:
    """The run ends and takes the activity with it. Changes `activity`."""
    payload = _ids(activity)
    if command_id is not None:
        payload["workflow_command_id"] = command_id
    payload["cancelled_at"] = precise(decision.now)
    decision.append(names.ACTIVITY_CANCELLED, payload, command_id=command_id)
    _close(decision, activity, CANCELLED)


def _retry(
    decision: Decision,
    activity: Activity,
    policy: ActivityPolicy,
    attempt_status: str,
    cause: JsonObject,
) -> None:
    now = decision.now
    attempt = activity.attempt_count
    delay = backoff(policy.backoff_seconds, attempt)
    payload = _ids(activity)
    del payload["attempt_number"]
    old_task, old_attempt = activity.task_id, activity.attempt_id
    _supersede_attempt(decision, activity, attempt_status)
    activity.task_id = decision.new_id()
    activity.available_at = now + delay * SECOND
    _queue_again(activity, activity.available_at, policy)
    payload["retry_task_id"] = activity.task_id
    payload["retry_of_task_id"] = old_task
    payload["retry_available_at"] = precise(activity.available_at)
    payload["retry_backoff_seconds"] = delay
    if old_attempt is not None:
        payload["retry_after_attempt_id"] = old_attempt
    payload["retry_after_attempt"] = attempt
    payload["max_attempts"] = policy.max_attempts
    payload["retry_policy"] = policy
    payload.update(cause)
    decision.append(names.ACTIVITY_RETRY_SCHEDULED, payload, task_id=old_task)
    decision.activities.append(activity)
    decision.created_task_ids.append(activity.task_id)


def backoff(delays: Sequence[int], attempt: int) -> int:
    """Seconds between the failure of attempt number `attempt` and the next one."""
    return delays[min(attempt - 1, len(delays) - 1)] if delays and attempt else 0


def _supersede_attempt(decision: Decision, activity: Activity, status: str) -> None:
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


def _queue_again(activity: Activity, from_: int, policy: ActivityPolicy | None = None) -> None:
    activity.status = PENDING
    activity.task_status = READY
    activity.attempt_id = activity.lease_owner = activity.poll_request_id = None
    activity.lease_expires_at = activity.start_to_close_at = activity.heartbeat_at = None
    policy = policy or policy_of(activity)
    # R7: a retry has the full time to be picked up again.
    activity.schedule_to_start_at = (
        None if policy is None else _after(from_, policy.schedule_to_start_timeout)
    )


def _end(
    decision: Decision,
    activity: Activity,
    status: str,
    event_type: str,
    payload: JsonObject,
    others: Sequence[Outcome],
) -> None:
    decision.run.pending_activities -= 1
    context = {
        "workflow_wait_kind": "activity",
        "open_wait_id": f"activity:{activity.execution_id}",
        "resume_source_kind": "activity_execution",
        "resume_source_id": activity.execution_id,
        "activity_execution_id": activity.execution_id,
        "activity_attempt_id": activity.attempt_id,
        "activity_type": activity.activity_type,
        "workflow_sequence": activity.sequence,
        "workflow_event_type": event_type,
    }
    outcome = Outcome(activity.sequence, event_type, encode_payload(payload), activity.task_id)
    _close(decision, activity, status)
    batches.resolve(decision, outcome, context, others)


def _close(decision: Decision, activity: Activity, status: str) -> None:
    activity.status = status
    activity.task_status = CLOSED_TASK
    activity.closed_at = decision.now
    decision.activities.append(activity)


def _ids(activity: Activity) -> JsonObject:
    payload: JsonObject = {"activity_execution_id": activity.execution_id}
    if activity.attempt_id is not None:
        payload["activity_attempt_id"] = activity.attempt_id
    payload["activity_class"] = activity.activity_type
    payload["activity_type"] = activity.activity_type
    payload["sequence"] = activity.sequence
    payload["attempt_number"] = activity.attempt_count
    return payload


def _failed(decision: Decision, activity: Activity, failure: Failure) -> JsonObject:
    payload = _ids(activity)
    payload["failure_id"] = decision.new_id()
    payload["failure_category"] = "activity"
    payload["non_retryable"] = failure.non_retryable
    payload.update(_cause(failure))
    return payload


def _cause(failure: Failure) -> JsonObject:
    # R10: type and non_retryable are kept, with details or without.
    exception: JsonObject = {"message": failure.message, "code": 0}
    payload: JsonObject = {}
    if failure.type is not None:
        exception["type"] = failure.type
        payload["exception_type"] = payload["exception_class"] = failure.type
    if failure.non_retryable:
        exception["non_retryable"] = True
    envelope = as_object(failure.details)
    if envelope is not None and envelope.keys() == {"codec", "blob"}:
        # R11: whatever the codec's name; it is stored as given and named beside.
        exception["details"] = envelope["blob"]
        exception["details_payload_codec"] = envelope["codec"]
    elif failure.details is not None:
        exception["details"] = failure.details
    if failure.stack_trace is not None:
        exception["stack_trace"] = failure.stack_trace
    payload["message"] = failure.message
    payload["code"] = 0
    payload["exception"] = exception
    return payload


def _after(now: int, timeout: int | None) -> int | None:
    return None if timeout is None else now + timeout * SECOND


def _passed(deadline: int | None, now: int) -> bool:
    return deadline is not None and deadline <= now
