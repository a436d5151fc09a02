"""How an attempt of an activity ends: a result, another attempt, a failure (worker-protocol 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject, dict_or_none
from durable_workflow.server.engine import batches, standalone
from durable_workflow.server.engine.activities import (
    EXPIRED,
    close,
    expire_lease,
    ids_of,
    policy_of,
    queue_again,
    supersede_attempt,
)
from durable_workflow.server.engine.decision import Decision, NewId, encode_payload
from durable_workflow.server.engine.payloads import blob_size, recorded
from durable_workflow.server.engine.state import (
    COMPLETED,
    FAILED,
    PENDING,
    Activity,
    ActivityPolicy,
    Resolution,
    Run,
)
from durable_workflow.server.engine.times import SECOND, precise


class Failure(msgspec.Struct):
    """Why an attempt failed, as its worker said it."""

    message: str
    type: str | None = None
    non_retryable: bool = False
    details: Any = None
    stack_trace: str | None = None


def complete(
    run: Run,
    activity: Activity,
    now: int,
    new_id: NewId,
    *,
    result: Any,
    payload_limit: int,
    held: Sequence[Resolution],
) -> Decision:
    """The attempt returned. A result over the limit is a failure that is not retried.

    `held` are the held results, needed where this completes the batch.
    """
    activity = replace(activity)
    size = blob_size(result)
    if payload_limit and size > payload_limit:
        decision = Decision(run, now, new_id)
        message = f"Structural limit exceeded: the activity result has {size} bytes."
        failed = _failed(decision, activity, Failure(message, "ResultTooLarge", True))
        failed["failure_category"] = "structural_limit"
        failed["structural_limit_kind"] = "payload_size"
        failed["structural_limit_value"] = size
        failed["structural_limit_configured"] = payload_limit
        _end(decision, activity, FAILED, names.ACTIVITY_FAILED, failed, held)
        return decision
    decision = Decision(run, now, new_id)
    payload = ids_of(activity)
    envelope = dict_or_none(result)
    if envelope is not None and "codec" in envelope:
        payload["result"] = recorded(envelope)
        payload["payload_codec"] = envelope["codec"]
    else:
        payload["result"] = result
        payload["payload_codec"] = activity.codec
    _end(decision, activity, COMPLETED, names.ACTIVITY_COMPLETED, payload, held)
    return decision


def fail(
    run: Run,
    activity: Activity,
    now: int,
    new_id: NewId,
    *,
    failure: Failure,
    held: Sequence[Resolution],
    attempt_status: str = FAILED,
) -> Decision:
    """The attempt failed: it is tried again, or the failure is the outcome.

    Args:
        attempt_status: What is remembered of the attempt, where it is tried again.
    """
    activity = replace(activity)
    decision = Decision(run, now, new_id)
    policy = policy_of(activity)
    never = failure.non_retryable or (
        policy is not None and failure.type in policy.non_retryable_error_types
    )
    if policy is None or never or _tries(activity) >= policy.max_attempts:
        payload = _failed(decision, activity, failure)
        _end(decision, activity, FAILED, names.ACTIVITY_FAILED, payload, held)
    else:
        _retry(decision, activity, policy, attempt_status, _cause(failure))
    return decision


def lose_worker(
    run: Run,
    activity: Activity,
    now: int,
    new_id: NewId,
    *,
    most: int,
    held: Sequence[Resolution],
) -> Decision:
    """The lease of an attempt ran out: it is delivered again, or fails where that was too often.

    An activity that ends its worker's process would otherwise end one process after the other.

    Args:
        most: How many leases of one attempt may run out; 0 is any number.
    """
    activity = replace(activity)
    activity.redeliveries += 1
    if not most or activity.redeliveries < most:
        return expire_lease(run, activity, now, new_id)
    # It ends here: nothing that its worker may still report counts.
    activity.lease_expires_at = now
    message = (
        f"Activity {activity.activity_type} lost its worker {activity.redeliveries} times: "
        "every lease of the attempt ran out."
    )
    failure = Failure(message, "ActivityRedeliveryLimit")
    return fail(run, activity, now, new_id, failure=failure, held=held, attempt_status=EXPIRED)


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
    held: Sequence[Resolution],
) -> Decision:
    """A deadline passed: the activity is tried again, or timed out for good."""
    activity = replace(activity)
    decision = Decision(run, now, new_id)
    policy = policy_of(activity)
    if timeout_kind == "schedule_to_start":
        # No worker began the attempt. It still counts, or it would be retried for ever.
        activity.attempt_count += 1
    message = f"Activity {activity.activity_type} exceeded its {timeout_kind} timeout."
    final = timeout_kind == "schedule_to_close"
    if policy is not None and not final and _tries(activity) < policy.max_attempts:
        cause = {
            "timeout_kind": timeout_kind,
            "exception_class": "ActivityTimeoutException",
            "message": message,
        }
        _retry(decision, activity, policy, EXPIRED, cause)
        return decision
    payload = ids_of(activity)
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
    _end(decision, activity, FAILED, names.ACTIVITY_TIMED_OUT, payload, held)
    return decision


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
    payload = ids_of(activity)
    del payload["attempt_number"]
    old_task, old_attempt = activity.task_id, activity.attempt_id
    supersede_attempt(decision, activity, attempt_status)
    activity.task_id = decision.new_id()
    activity.available_at = now + delay * SECOND
    activity.redeliveries = 0
    queue_again(activity, activity.available_at, policy)
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


def _tries(activity: Activity) -> int:
    """How many attempts there were for the retry policy: it was not asked about redeliveries."""
    return activity.attempt_count - activity.redelivered


def backoff(delays: Sequence[int], attempt: int) -> int:
    """Seconds between the failure of attempt number `attempt` and the next one."""
    return delays[min(attempt - 1, len(delays) - 1)] if delays and attempt else 0


def _end(
    decision: Decision,
    activity: Activity,
    status: str,
    event_type: str,
    payload: JsonObject,
    held: Sequence[Resolution],
) -> None:
    decision.run.pending_activities -= 1
    if decision.run.hosts_activity:
        close(activity, status, decision.now)
        decision.activities.append(activity)
        standalone.end(decision, event_type, payload, activity.task_id)
        return
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
    resolution = Resolution(
        activity.sequence, event_type, encode_payload(payload), activity.task_id
    )
    close(activity, status, decision.now)
    decision.activities.append(activity)
    batches.resolve(decision, resolution, context, held)


def _failed(decision: Decision, activity: Activity, failure: Failure) -> JsonObject:
    payload = ids_of(activity)
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
    envelope = dict_or_none(failure.details)
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


def _passed(deadline: int | None, now: int) -> bool:
    return deadline is not None and deadline <= now
