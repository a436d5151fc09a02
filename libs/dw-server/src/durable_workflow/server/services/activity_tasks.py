"""Activity tasks: completion, failure and heartbeats of attempts."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow.server.engine import activities, activity_outcomes
from durable_workflow.server.engine.activity_outcomes import Failure
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.state import (
    CANCELLED,
    LEASED,
    RUNNING,
    Activity,
    PastAttempt,
    Run,
)
from durable_workflow.server.engine.times import precise_or_none
from durable_workflow.server.records import activities as records
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    CompleteActivityTask,
    FailActivityTask,
    HeartbeatActivityTask,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services.activity_claims import locked
from durable_workflow.server.services.ownership import run_closed_fields
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.services.workers import (
    seen_by_lease,
)
from durable_workflow.server.store.protocol import Tx

_Report = CompleteActivityTask | FailActivityTask | HeartbeatActivityTask


class Held(msgspec.Struct):
    """The attempt that a report of a worker is about.

    Attributes:
        stopped: Why the attempt must not report any more, None if it may.
    """

    activity: Activity | None
    run: Run
    stopped: str | None


def complete(
    tx: Tx, namespace: str, request: CompleteActivityTask, settings: ServiceSettings
) -> Reply:
    """Take the result of an attempt."""
    unit = Unit(tx, settings)
    held = held_attempt(unit, namespace, request)
    if held.stopped is not None or held.activity is None:
        return not_recorded(request, held, "completed")
    decision = returned(unit, held.run, held.activity, request.result)
    return _recorded(unit, request, decision, decision.activities[0].status)


def returned(unit: Unit, run: Run, activity: Activity, result: Any) -> Decision:
    """What it does to its run that an attempt has returned."""
    return activity_outcomes.complete(
        run,
        activity,
        unit.tx.now,
        unit.tx.new_id,
        result=result,
        payload_limit=unit.settings.limits.payload_bytes,
        held=unit.held_for_last(run),
    )


def fail(tx: Tx, namespace: str, request: FailActivityTask, settings: ServiceSettings) -> Reply:
    """Take the failure of an attempt: it is tried again, or the step has failed."""
    unit = Unit(tx, settings)
    held = held_attempt(unit, namespace, request)
    if held.stopped is not None or held.activity is None:
        return not_recorded(request, held, "failed")
    failure = request.failure
    decision = activity_outcomes.fail(
        held.run,
        held.activity,
        tx.now,
        tx.new_id,
        failure=Failure(
            failure.message,
            failure.type,
            failure.non_retryable,
            failure.details,
            failure.stack_trace,
        ),
        held=unit.held_for_last(held.run),
    )
    return _recorded(unit, request, decision, "failed")


def heartbeat(
    tx: Tx, namespace: str, request: HeartbeatActivityTask, settings: ServiceSettings
) -> Reply:
    """Renew the lease of an attempt, or tell its worker to stop."""
    unit = Unit(tx, settings)
    held = held_attempt(unit, namespace, request)
    activity, run = held.activity, held.run
    recorded = held.stopped is None and activity is not None
    if held.stopped is None and activity is not None:
        decision = activities.heartbeat(
            run,
            activity,
            tx.now,
            tx.new_id,
            progress=request.progress,
            lease_seconds=settings.activity_lease_seconds,
        )
        activity = decision.activities[0]
        unit.apply(decision)
        unit.finish()
        seen_by_lease(tx, namespace, request.lease_owner, activity.lease_session, settings)
    cancelled = held.stopped in ("run_cancelled", "run_terminated")
    return Reply(
        _names(request)
        | {
            "lease_owner": request.lease_owner,
            "cancel_requested": cancelled,
            "can_continue": recorded,
            "reason": held.stopped,
            "run_closed_reason": run.closed_reason,
            "run_closed_at": precise_or_none(run.closed_at),
            "heartbeat_recorded": recorded,
            "lease_expires_at": precise_or_none(activity.lease_expires_at) if activity else None,
            "last_heartbeat_at": precise_or_none(activity.last_heartbeat_at) if activity else None,
        },
    )


def expire_lease(unit: Unit, activity: Activity) -> None:
    """Free a leased task that its worker gives back, or that never reached one."""
    run = unit.run(activity.run_id)
    unit.apply(activities.expire_lease(run, activity, unit.tx.now, unit.tx.new_id))


def lose_worker(unit: Unit, activity: Activity) -> None:
    """Free a leased task whose lease ran out, or whose worker is gone without a goodbye."""
    run = unit.run(activity.run_id)
    unit.apply(
        activity_outcomes.lose_worker(
            run,
            activity,
            unit.tx.now,
            unit.tx.new_id,
            most=unit.settings.activity_max_redeliveries,
            held=unit.held_for_last(run),
        )
    )


def give_back(tx: Tx, namespace: str, task: dict[str, Any], settings: ServiceSettings) -> None:
    """Free the lease of a claimed task that reached nobody.

    Unless the poll was repeated meanwhile: then that one was given the task, with a renewed lease.
    """
    unit = Unit(tx, settings)
    activity = locked(unit, namespace, task["task_id"])
    if (
        activity is None
        or activity.task_status != LEASED
        or activity.attempt_id != task["activity_attempt_id"]
        or precise_or_none(activity.lease_expires_at) != task["lease_expires_at"]
    ):
        return
    expire_lease(unit, activity)
    unit.finish()


def held_attempt(unit: Unit, namespace: str, request: _Report) -> Held:
    """Find the attempt that a report is about, checked in the order of worker-protocol 5.3.

    Raises:
        Refused: There is no such task or attempt, or they do not belong together or to the worker.
    """
    tx = unit.tx
    activity = locked(unit, namespace, request.task_id)
    if activity is not None and activity.attempt_id == request.activity_attempt_id:
        if activity.lease_owner != request.lease_owner:
            raise _other_owner(request, activity.lease_owner)
        run = unit.run(activity.run_id)
        return Held(activity, run, _why_stopped(activity, run, tx.now))
    run_id = activity.run_id if activity is not None else _run_of_past_task(tx, namespace, request)
    attempt = _past_attempt(tx, namespace, request, run_id)
    if attempt.lease_owner != request.lease_owner:
        raise _other_owner(request, attempt.lease_owner)
    return Held(activity, unit.run(run_id), "stale_attempt")


def _why_stopped(activity: Activity, run: Run, now: int) -> str | None:
    if activity.status == CANCELLED and run.status in ("cancelled", "terminated"):
        return f"run_{run.status}"
    if activity.status == CANCELLED and run.closed:
        return "run_closed"
    if activity.status != RUNNING or activity.task_status != LEASED:
        return "stale_attempt"
    if run.closed:
        return "run_closed"
    if activity.lease_expires_at is not None and activity.lease_expires_at <= now:
        # The timer service is about to offer it to somebody else; fencing must not depend on that.
        return "stale_attempt"
    return None


def _run_of_past_task(tx: Tx, namespace: str, request: _Report) -> str:
    run_id = records.run_of_past_task(tx, namespace, request.task_id)
    if run_id is None:
        raise Refused("task_not_found", "Activity task not found.", extra=_names(request))
    return run_id


def _past_attempt(tx: Tx, namespace: str, request: _Report, run_id: str) -> PastAttempt:
    attempt = records.past_attempt(tx, namespace, request.activity_attempt_id)
    if attempt is not None:
        if attempt.task_id == request.task_id:
            return attempt
    elif not records.is_current_attempt(tx, run_id, request.activity_attempt_id):
        raise Refused("attempt_not_found", "Activity attempt not found.", extra=_names(request))
    raise Refused(
        "task_mismatch",
        "Activity attempt belongs to another task.",
        extra=_names(request),
    )


def _other_owner(request: _Report, owner: str | None) -> Refused:
    return Refused(
        "lease_owner_mismatch",
        "Activity task lease is owned by another worker.",
        extra=_names(request) | {"lease_owner": owner},
    )


def _recorded(unit: Unit, request: _Report, decision: Decision, outcome: str) -> Reply:
    unit.apply(decision)
    unit.finish()
    created = decision.created_task_ids
    return Reply(
        _names(request)
        | {
            "outcome": outcome,
            "recorded": True,
            "reason": None,
            "next_task_id": created[0] if created else None,
        },
    )


def not_recorded(request: _Report, held: Held, outcome: str) -> Reply:
    """The answer to a report of an attempt that must not report any more."""
    body = _names(request) | {
        "outcome": outcome,
        "recorded": False,
        "reason": held.stopped,
        "next_task_id": None,
    }
    activity = held.activity
    if held.stopped in ("run_cancelled", "run_terminated") and activity is not None:
        body["outcome"] = "ignored"
        body["error"] = f"Workflow run was {held.run.status}."
        body |= run_closed_fields(held.run)
        body["activity_status"] = activity.status
        body["attempt_status"] = activity.status
        body["task_status"] = CANCELLED
        body["lease_owner"] = activity.lease_owner
        body["lease_expires_at"] = precise_or_none(activity.lease_expires_at)
    return Reply(body, reason=held.stopped)


def _names(request: _Report) -> dict[str, Any]:
    return {
        "task_id": request.task_id,
        "activity_attempt_id": request.activity_attempt_id,
    }
