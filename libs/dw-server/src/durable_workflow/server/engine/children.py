"""Children: started by a step of the parent, and resolving it when they end (worker-protocol 6)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import batches
from durable_workflow.server.engine.activity_outcomes import backoff
from durable_workflow.server.engine.decision import (
    Decision,
    NewId,
    ParentOutcome,
    encode_payload,
)
from durable_workflow.server.engine.starting import Beginning, begin
from durable_workflow.server.engine.state import (
    CANCELLED,
    COMPLETED,
    FAILED,
    TERMINATED,
    ChildLink,
    ChildPolicy,
    Resolution,
    Run,
    RunDetails,
)
from durable_workflow.server.engine.times import SECOND, offset_or_none, precise

_EVENTS = {
    COMPLETED: names.CHILD_RUN_COMPLETED,
    FAILED: names.CHILD_RUN_FAILED,
    CANCELLED: names.CHILD_RUN_CANCELLED,
    TERMINATED: names.CHILD_RUN_TERMINATED,
}


def policy_of(link: ChildLink) -> ChildPolicy | None:
    """The snapshot of retries that was taken when the child was scheduled."""
    return None if link.policy is None else msgspec.json.decode(link.policy, type=ChildPolicy)


def start_child(
    decision: Decision,
    link: ChildLink,
    beginning: Beginning,
    *,
    task_id: str | None,
) -> None:
    """Start the first run of a child in the same unit as the command that asks for it."""
    scheduled = _link_fields(link)
    scheduled["parent_close_policy"] = link.parent_close_policy
    scheduled["retry_policy"] = policy_of(link)
    scheduled["timeout_policy"] = _timeout_policy(link)
    decision.append(names.CHILD_WORKFLOW_SCHEDULED, scheduled, task_id=task_id)
    started_by = _parent_fields(decision.run, link)
    beginning = msgspec.structs.replace(beginning, started_by=started_by)
    child = begin(beginning, decision.now, decision.new_id)
    _append_run_started(decision, link, child.run, task_id=task_id)
    decision.started.append(child)
    decision.new_child_links.append(link)


def resolve(
    parent: Run,
    link: ChildLink,
    outcome: ParentOutcome,
    child: Run,
    details: RunDetails | None,
    now: int,
    new_id: NewId,
    held: Sequence[Resolution],
) -> Decision:
    """The child's run has ended: try again, or resolve the step.

    Args:
        parent: The parent's run, which is open.
        link: The step.
        outcome: How the child's run ended.
        child: The child's run.
        details: The child's cold half, needed where it may be retried (`may_retry`).
        now: The time.
        new_id: The id source.
        held: The parent's held results, needed where this completes its batch.
    """
    decision = Decision(parent, now, new_id)
    link = copy(link)
    if details is not None and may_retry(link, outcome):
        _retry(decision, link, child, details)
        return decision
    payload = _link_fields(link)
    payload["child_run_number"] = child.run_number
    payload["child_status"] = outcome.status
    payload["closed_reason"] = outcome.closed_reason
    payload["closed_at"] = precise(now)
    payload.update(outcome.payload)
    event_type = _EVENTS[outcome.status]
    link.status = outcome.status
    decision.child_links.append(link)
    decision.run.pending_children -= 1
    context = {
        "workflow_wait_kind": "child",
        "open_wait_id": f"child:{link.link_id}",
        "resume_source_kind": "child_workflow_run",
        "resume_source_id": child.run_id,
        "child_call_id": link.link_id,
        "child_workflow_run_id": child.run_id,
        "workflow_sequence": link.sequence,
        "workflow_event_type": event_type,
    }
    resolution = Resolution(link.sequence, event_type, encode_payload(payload))
    batches.resolve(decision, resolution, context, held)
    return decision


def may_retry(link: ChildLink, outcome: ParentOutcome) -> bool:
    """Whether the child's failure is to be tried again."""
    policy = policy_of(link)
    if policy is None or outcome.status != FAILED or not outcome.retryable:
        return False
    names_of_failure = {
        outcome.payload.get("exception_type"),
        outcome.payload.get("exception_class"),
    }
    if names_of_failure & set(policy.non_retryable_error_types):
        return False
    return link.attempts < policy.max_attempts


def continued(parent: Run, link: ChildLink, next_run: Run, now: int, new_id: NewId) -> Decision:
    """The child went on as a new run: the step is still open.

    The step keeps the type that the parent asked for, also if the new run has another one: replays
    compare the command with all events of its sequence, and so does the server when a worker sends
    the command again.
    """
    decision = Decision(parent, now, new_id)
    link = copy(link)
    link.child_run_id, link.child_run_number = next_run.run_id, next_run.run_number
    _append_run_started(decision, link, next_run)
    decision.child_links.append(link)
    return decision


def policy_applied(
    parent: Run, link: ChildLink, now: int, new_id: NewId, *, error: str | None = None
) -> Decision:
    """Note on a closed parent what its end did to a child."""
    decision = Decision(parent, now, new_id)
    link = copy(link)
    payload: JsonObject = {
        "child_instance_id": link.child_workflow_id,
        "child_run_id": link.child_run_id,
        "policy": link.parent_close_policy,
        "reason": close_reason(parent),
    }
    if error is None:
        decision.append(names.PARENT_CLOSE_POLICY_APPLIED, payload)
    else:
        decision.append(names.PARENT_CLOSE_POLICY_FAILED, payload | {"error": error})
    link.status = "abandoned" if link.parent_close_policy == "abandon" else CANCELLED
    decision.child_links.append(link)
    return decision


def close_reason(parent: Run) -> str:
    """Why a child is cancelled or terminated by the end of its parent."""
    return f"parent closed: {parent.closed_reason}"


def _retry(decision: Decision, link: ChildLink, child: Run, details: RunDetails) -> None:
    policy = policy_of(link)
    assert policy is not None
    delay = backoff(policy.backoff_seconds, link.attempts)
    link.attempts += 1
    retry: JsonObject = {
        "retry_attempt": link.attempts,
        "retry_of_child_workflow_run_id": child.run_id,
    }
    run_id = decision.new_id()
    link.child_run_id, link.child_run_number = run_id, child.run_number + 1
    beginning = Beginning(
        namespace=child.namespace,
        workflow_id=child.workflow_id,
        workflow_type=child.workflow_type,
        task_queue=child.task_queue,
        run_id=run_id,
        run_number=link.child_run_number,
        codec=child.codec,
        arguments=details.arguments,
        compatibility=child.compatibility,
        priority=child.priority,
        fairness_key=child.fairness_key,
        fairness_weight=child.fairness_weight,
        business_key=details.business_key,
        memo=details.memo,
        search_attributes=details.search_attributes,
        execution_timeout_seconds=child.execution_timeout_seconds,
        run_timeout_seconds=child.run_timeout_seconds,
        execution_deadline=child.execution_deadline,
        parent_run_id=link.run_id,
        parent_sequence=link.sequence,
        link_id=link.link_id,
        connection=child.connection,
        started_by=_parent_fields(decision.run, link) | retry,
        available_at=decision.now + delay * SECOND,
    )
    again = begin(beginning, decision.now, decision.new_id)
    retry["retry_backoff_seconds"] = delay
    _append_run_started(decision, link, again.run, retry=retry)
    decision.started.append(again)
    decision.child_links.append(link)


def _append_run_started(
    decision: Decision,
    link: ChildLink,
    child: Run,
    *,
    task_id: str | None = None,
    retry: JsonObject | None = None,
) -> None:
    payload = _link_fields(link)
    payload["child_run_number"] = link.child_run_number
    payload["child_status"] = child.status
    payload["parent_close_policy"] = link.parent_close_policy
    payload["retry_policy"] = policy_of(link)
    payload["timeout_policy"] = _timeout_policy(link)
    payload["execution_timeout_seconds"] = child.execution_timeout_seconds
    payload["run_timeout_seconds"] = child.run_timeout_seconds
    payload["execution_deadline_at"] = offset_or_none(child.execution_deadline)
    payload["run_deadline_at"] = offset_or_none(child.run_deadline)
    payload.update(retry or {})
    decision.append(names.CHILD_RUN_STARTED, payload, task_id=task_id)


def _link_fields(link: ChildLink) -> JsonObject:
    return {
        "sequence": link.sequence,
        "workflow_link_id": link.link_id,
        "child_call_id": link.link_id,
        "child_workflow_instance_id": link.child_workflow_id,
        "child_workflow_run_id": link.child_run_id,
        "child_workflow_class": link.child_type,
        "child_workflow_type": link.child_type,
    }


def _parent_fields(parent: Run, link: ChildLink) -> JsonObject:
    return {
        "parent_workflow_instance_id": parent.workflow_id,
        "parent_workflow_run_id": parent.run_id,
        "parent_sequence": link.sequence,
        "workflow_link_id": link.link_id,
        "child_call_id": link.link_id,
        "retry_policy": policy_of(link),
        "timeout_policy": _timeout_policy(link),
    }


def _timeout_policy(link: ChildLink) -> JsonObject | None:
    if link.execution_timeout_seconds is None and link.run_timeout_seconds is None:
        return None
    return {
        "snapshot_version": 1,
        "execution_timeout_seconds": link.execution_timeout_seconds,
        "run_timeout_seconds": link.run_timeout_seconds,
    }
