"""Claims of activity tasks: by polls, and for workers that have a stream."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from durable_workflow.server.engine import activities
from durable_workflow.server.engine.state import (
    READY,
    Activity,
    Run,
)
from durable_workflow.server.engine.times import offset, precise
from durable_workflow.server.executors import NOT_CONFIGURED, ExternalExecutors
from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.records import activities as records
from durable_workflow.server.records.fairness import QueueKey, ReadyClass
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.requests import (
    PollTask,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import admission, fairness
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.services.workers import (
    lease_seconds,
    poll_guard,
)
from durable_workflow.server.store.protocol import Tx


def claim(
    tx: Tx,
    namespace: str,
    request: PollTask,
    settings: ServiceSettings,
    fair: FairQueues | None = None,
    *,
    executors: ExternalExecutors = NOT_CONFIGURED,
) -> dict[str, Any] | None:
    """Lease the next task of a queue to a worker; None where there is none for it.

    Args:
        fair: What is remembered of queues; None for nothing.
        executors: Which activities carriers run.
    """
    return _with_executor(_claim(tx, namespace, request, settings, fair), executors)


def _claim(
    tx: Tx,
    namespace: str,
    request: PollTask,
    settings: ServiceSettings,
    fair: FairQueues | None,
) -> dict[str, Any] | None:
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
    names_claims: bool,
    settings: ServiceSettings,
    fair: FairQueues,
    *,
    executors: ExternalExecutors = NOT_CONFIGURED,
) -> dict[str, Any] | None:
    """Lease a task to a worker that has a stream; None where there is none for it.

    Args:
        task_id: The task, which suits the worker; None for the one that it should get next.
        busy: Nothing is kept for anybody here.
        names_claims: Activities are never sent before their commit, so they need no claim.
        fair: What is remembered of queues.
        executors: Which activities carriers run.
    """
    del busy, names_claims
    return _with_executor(_claim_for(tx, worker, task_id, settings, fair), executors)


def _claim_for(
    tx: Tx, worker: Worker, task_id: str | None, settings: ServiceSettings, fair: FairQueues
) -> dict[str, Any] | None:
    unit = Unit(tx, settings)
    if task_id is None:
        activity = _claimable(tx, worker, settings, fair)
        return None if activity is None else _lease(unit, activity, worker, None, fair)
    if not admission.admits(tx, _queue(worker), settings):
        return None
    activity = locked(unit, worker.namespace, task_id)
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


def _claimed_before(unit: Unit, namespace: str, request: PollTask) -> Activity | None:
    """The activity that this very poll was handed before and still holds, for it is repeated."""
    if request.poll_request_id is None:
        return None
    found = records.claimed_by_request(
        unit.tx, namespace, request.task_queue, request.worker_id, request.poll_request_id
    )
    if found is None:
        return None
    activity = locked(unit, namespace, found.task_id)
    still = activity is not None and activity.attempt_id == found.attempt_id
    return activity if still else None


def locked(unit: Unit, namespace: str, task_id: str) -> Activity | None:
    """The activity whose current task this is, read under the lock of its run."""
    run_id = records.run_of_task(unit.tx, namespace, task_id)
    if run_id is None:
        return None
    # A run that was removed has its rows for some time.
    return None if unit.find(run_id) is None else records.by_task(unit.tx, namespace, task_id)


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
    if activity.redelivered:
        # Attempts that the retry policy does not count, though `attempt_number` does.
        task["redeliveries"] = activity.redelivered
    if arguments is not None:
        task["arguments"] = msgspec.Raw(arguments)
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


def _with_executor(
    task: dict[str, Any] | None, executors: ExternalExecutors
) -> dict[str, Any] | None:
    """The task, with what a carrier needs of the mapping that matches it."""
    if task is None:
        return None
    mapping = executors.of_activity(task["task_queue"], task["activity_type"])
    if mapping is not None:
        task["external_executor"] = mapping.document(task["task_id"], task["activity_attempt_id"])
    return task
