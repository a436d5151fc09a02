"""Activity tasks: claim, completion, failure and heartbeats of attempts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from durable_workflow.server.engine import activities, activity_outcomes
from durable_workflow.server.engine.activity_outcomes import Failure
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.state import (
    CANCELLED,
    LEASED,
    READY,
    RUNNING,
    Activity,
    PastAttempt,
    Run,
)
from durable_workflow.server.engine.times import offset, precise, precise_or_none
from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.records import activities as records
from durable_workflow.server.records.fairness import QueueKey, ReadyClass
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    CompleteActivityTask,
    FailActivityTask,
    HeartbeatActivityTask,
    PollTask,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import admission, fairness
from durable_workflow.server.services.ownership import run_closed_fields
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.services.workers import (
    lease_seconds,
    poll_guard,
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


def claim(
    tx: Tx,
    namespace: str,
    request: PollTask,
    settings: ServiceSettings,
    fair: FairQueues | None = None,
) -> dict[str, Any] | None:
    """Lease the next task of a queue to a worker; None where there is none for it.

    Args:
        fair: What is remembered of queues; None for nothing.
    """
    fair = fair or FairQueues()
    worker = poll_guard(tx, namespace, request, settings)
    lease = lease_seconds(worker, settings.activity_lease_seconds)
    unit = Unit(tx, settings)
    again = _claimed_before(unit, namespace, request)
    if again is not None:
        renewed = activities.renewed(again, tx.now, lease_seconds=lease)
        unit.save_activity(renewed)
        return _task(tx, unit.run(renewed.run_id), renewed)
    activity = _claimable(tx, worker, settings, fair)
    if activity is None:
        return None
    return _lease(unit, activity, worker, request.poll_request_id, fair)


def claim_for(
    tx: Tx,
    worker: Worker,
    task_id: str | None,
    busy: Collection[str],
    settings: ServiceSettings,
    fair: FairQueues,
) -> dict[str, Any] | None:
    """Lease a task to a worker that has a stream; None where there is none for it.

    Args:
        task_id: The task, which suits the worker; None for the one that it should get next.
        busy: Nothing is kept for anybody here.
        fair: What is remembered of queues.
    """
    del busy
    unit = Unit(tx, settings)
    if task_id is None:
        activity = _claimable(tx, worker, settings, fair)
        return None if activity is None else _lease(unit, activity, worker, None, fair)
    if not admission.admits(tx, _queue(worker), settings):
        return None
    run_id = records.run_of_task(tx, worker.namespace, task_id)
    if run_id is None or unit.find(run_id) is None:
        return None
    activity = records.by_task(tx, worker.namespace, task_id)
    if activity is None or activity.task_status != READY or activity.available_at > tx.now:
        return None
    return _lease(unit, activity, worker, None, fair)


def _claimable(
    tx: Tx, worker: Worker, settings: ServiceSettings, fair: FairQueues
) -> Activity | None:
    if worker.draining or not admission.admits(tx, _queue(worker), settings):
        return None

    def take(of: ReadyClass) -> Activity | None:
        return records.claimable(tx, worker.namespace, worker.task_queue, worker.activity_types, of)

    return fairness.choose(tx, _queue(worker), fair, take)


def _queue(worker: Worker) -> QueueKey:
    return QueueKey("activity", worker.namespace, worker.task_queue)


def _lease(
    unit: Unit, activity: Activity, worker: Worker, poll_request_id: str | None, fair: FairQueues
) -> dict[str, Any] | None:
    tx, settings = unit.tx, unit.settings
    fairness.count(tx, _queue(worker), activity.fairness_key, fair)
    admission.count(tx, _queue(worker), settings)
    run = unit.run(activity.run_id)
    decision = activities.claim(
        run,
        activity,
        tx.now,
        tx.new_id,
        worker_id=worker.worker_id,
        poll_request_id=poll_request_id,
        lease_seconds=lease_seconds(worker, settings.activity_lease_seconds),
        session=worker.session or None,
    )
    unit.apply(decision)
    unit.finish()
    if unit.run(run.run_id).closed:
        return None  # The event that says it was started was one too many for the history.
    return _task(tx, run, decision.activities[0])


def complete(
    tx: Tx, namespace: str, request: CompleteActivityTask, settings: ServiceSettings
) -> Reply:
    """Take the result of an attempt."""
    unit = Unit(tx, settings)
    held = _held(unit, namespace, request)
    if held.stopped is not None or held.activity is None:
        return _not_recorded(request, held, "completed")
    decision = activity_outcomes.complete(
        held.run,
        held.activity,
        tx.now,
        tx.new_id,
        result=request.result,
        payload_limit=settings.limits.payload_bytes,
        held=unit.held_for_last(held.run),
    )
    return _recorded(unit, request, decision, decision.activities[0].status)


def fail(tx: Tx, namespace: str, request: FailActivityTask, settings: ServiceSettings) -> Reply:
    """Take the failure of an attempt: it is tried again, or the step has failed."""
    unit = Unit(tx, settings)
    held = _held(unit, namespace, request)
    if held.stopped is not None or held.activity is None:
        return _not_recorded(request, held, "failed")
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
    held = _held(unit, namespace, request)
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
    activity = _locked(unit, namespace, task["task_id"])
    if (
        activity is None
        or activity.task_status != LEASED
        or activity.attempt_id != task["activity_attempt_id"]
        or precise_or_none(activity.lease_expires_at) != task["lease_expires_at"]
    ):
        return
    expire_lease(unit, activity)
    unit.finish()


def _claimed_before(unit: Unit, namespace: str, request: PollTask) -> Activity | None:
    """The activity that this very poll was handed before and still holds, for it is repeated."""
    if request.poll_request_id is None:
        return None
    found = records.claimed_by_request(
        unit.tx, namespace, request.task_queue, request.worker_id, request.poll_request_id
    )
    if found is None:
        return None
    activity = _locked(unit, namespace, found.task_id)
    still = activity is not None and activity.attempt_id == found.attempt_id
    return activity if still else None


def _locked(unit: Unit, namespace: str, task_id: str) -> Activity | None:
    """The activity whose current task this is, read under the lock of its run."""
    run_id = records.run_of_task(unit.tx, namespace, task_id)
    if run_id is None:
        return None
    # A run that was removed has its rows for some time.
    return None if unit.find(run_id) is None else records.by_task(unit.tx, namespace, task_id)


def _held(unit: Unit, namespace: str, request: _Report) -> Held:
    """Find the attempt that a report is about, checked in the order of worker-protocol 5.3.

    Raises:
        Refused: There is no such task or attempt, or they do not belong together or to the worker.
    """
    tx = unit.tx
    activity = _locked(unit, namespace, request.task_id)
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


def _not_recorded(request: _Report, held: Held, outcome: str) -> Reply:
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


def _task(tx: Tx, run: Run, activity: Activity) -> dict[str, Any]:
    arguments = records.arguments(tx, activity)
    assert activity.lease_expires_at is not None
    task: dict[str, Any] = {
        "task_id": activity.task_id,
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "activity_execution_id": activity.execution_id,
        "activity_attempt_id": activity.attempt_id,
        "attempt_number": activity.attempt_count,
        "activity_type": activity.activity_type,
        "payload_codec": activity.codec,
        "task_queue": activity.task_queue,
        "connection": activity.connection,
        "lease_owner": activity.lease_owner,
        "lease_expires_at": precise(activity.lease_expires_at),
    }
    if arguments is not None:
        task["arguments"] = msgspec.Raw(arguments.encode())
    if activity.policy is not None:
        task["retry_policy"] = msgspec.Raw(activity.policy.encode())
    deadlines = {
        name: offset(at)
        for name, at in (
            ("schedule_to_start", activity.schedule_to_start_at),
            ("start_to_close", activity.start_to_close_at),
            ("schedule_to_close", activity.schedule_to_close_at),
            ("heartbeat", activity.heartbeat_at),
        )
        if at is not None
    }
    if deadlines:
        task["deadlines"] = deadlines
    return task
