"""Claims of activity tasks: by polls, and for workers that have a stream."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
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
from durable_workflow.server.records import answered_polls
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
    found = _claim_next(tx, [worker], settings, fair, request.poll_request_id)
    return found[0] if found else None


def claim_for(
    tx: Tx,
    worker: Worker,
    task_id: str | None,
    busy: Callable[[], Collection[str]],
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
    if task_id is None:
        found = claim_waiting(tx, [worker], settings, fair, executors=executors)
        return found[0] if found else None
    return _with_executor(_claim_named(tx, worker, task_id, settings, fair), executors)


def claim_waiting(
    tx: Tx,
    workers: Sequence[Worker],
    settings: ServiceSettings,
    fair: FairQueues,
    *,
    executors: ExternalExecutors = NOT_CONFIGURED,
) -> list[dict[str, Any] | None]:
    """Lease what waits to workers that have a stream: the next task to the first, and so on.

    Fewer than there are workers where fewer wait, or where each task has to be chosen by itself;
    none where none waits for them; None in the place of one whose run its claim has ended.

    Args:
        workers: Of one queue and with the same types; one stands there as often as it gets a task.
        fair: What is remembered of queues.
        executors: Which activities carriers run.
    """
    found = _claim_next(tx, workers, settings, fair)
    return [_with_executor(task, executors) for task in found]


def _claim_named(
    tx: Tx, worker: Worker, task_id: str, settings: ServiceSettings, fair: FairQueues
) -> dict[str, Any] | None:
    if not admission.admits(tx, _queue(worker), settings):
        return None
    unit = Unit(tx, settings)
    activity = locked(unit, worker.namespace, task_id)
    if activity is None or activity.task_status != READY or activity.available_at > tx.now:
        return None
    found = _lease(unit, [activity], [worker], None, fair)
    return found[0] if found else None


def _claim_next(
    tx: Tx,
    workers: Sequence[Worker],
    settings: ServiceSettings,
    fair: FairQueues,
    poll_request_id: str | None = None,
) -> list[dict[str, Any] | None]:
    # A run whose history is full is ended by its claim: then others are next.
    while True:
        unit = Unit(tx, settings)
        chosen = _claimable(unit, workers, fair)
        found = _lease(unit, chosen, workers, poll_request_id, fair)
        if any(found) or not chosen:
            return found


def _claimable(unit: Unit, workers: Sequence[Worker], fair: FairQueues) -> Sequence[Activity]:
    """The tasks that are next; several where what one is given changes nothing for the next."""
    tx, settings, worker = unit.tx, unit.settings, workers[0]
    queue = _queue(worker)
    if worker.draining or not admission.admits(tx, queue, settings):
        return ()
    each_by_itself = admission.limits(queue, settings)

    def take(of: ReadyClass, is_alone: bool) -> list[Activity] | None:
        most = len(workers) if is_alone and not each_by_itself else 1
        if most == 1:
            # Mostly it is the first of its class, whose row is in memory.
            first = locked(unit, worker.namespace, of.task_id)
            if first is not None and _may_have(first, worker, tx.now):
                return [first]
        found = records.claimable(
            tx, worker.namespace, worker.task_queue, worker.activity_types, of, most=most
        )
        return found or None

    return fairness.choose(tx, queue, fair, take) or ()


def _may_have(activity: Activity, worker: Worker, now: int) -> bool:
    """Whether a worker may have the task of an activity now."""
    if activity.task_status != READY or activity.available_at > now:
        return False
    return not worker.activity_types or activity.activity_type in worker.activity_types


def _queue(worker: Worker) -> QueueKey:
    return QueueKey("activity", worker.namespace, worker.task_queue)


def _lease(
    unit: Unit,
    chosen: Sequence[Activity],
    workers: Sequence[Worker],
    poll_request_id: str | None,
    fair: FairQueues,
) -> list[dict[str, Any] | None]:
    """Lease each activity to its worker; None in the place of one whose run that has ended."""
    tx, settings = unit.tx, unit.settings
    leased: list[Activity] = []
    for activity, worker in zip(chosen, workers, strict=False):
        queue = _queue(worker)
        if poll_request_id is not None:
            of = worker.namespace, worker.worker_id
            answered_polls.note(tx, "activity", *of, poll_request_id)
        fairness.count(tx, queue, activity.fairness_key, fair)
        admission.count(tx, queue, settings)
        decision = activities.claim(
            unit.run(activity.run_id),
            activity,
            tx.now,
            tx.new_id,
            worker_id=worker.worker_id,
            poll_request_id=poll_request_id,
            lease_seconds=lease_seconds(worker, settings.activity_lease_seconds),
            session=worker.session or None,
        )
        unit.apply(decision)
        leased += decision.activities
        run = decision.run
        if settings.limits.exceeded(run.last_sequence, run.history_bytes) is not None:
            break  # The event that says it was started was one too many for the history.
    unit.finish()
    runs = [unit.run(activity.run_id) for activity in leased]
    return [
        None if run.closed else _task(tx, run, activity)
        for run, activity in zip(runs, leased, strict=True)
    ]


def _claimed_before(unit: Unit, namespace: str, request: PollTask) -> Activity | None:
    """The activity that this very poll was handed before and still holds, for it is repeated."""
    tx, poll, worker_id = unit.tx, request.poll_request_id, request.worker_id
    if poll is None or not answered_polls.may_be_known(tx, "activity", namespace, worker_id, poll):
        return None
    found = records.claimed_by_request(tx, namespace, request.task_queue, worker_id, poll)
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
    details = activities.reported_details(activity)
    if details is not None:
        task["heartbeat_details"] = details
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
    return None if task is None else _executed(task, executors)


def _executed(task: dict[str, Any], executors: ExternalExecutors) -> dict[str, Any]:
    """The task, with what a carrier needs of the mapping that matches it."""
    mapping = executors.of_activity(task["task_queue"], task["activity_type"])
    if mapping is not None:
        task["external_executor"] = mapping.document(task["task_id"], task["activity_attempt_id"])
    return task
