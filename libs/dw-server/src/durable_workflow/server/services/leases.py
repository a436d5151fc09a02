"""The leases of one session of a worker: renewed while it names them, freed when it is gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from durable_workflow.server.engine import activities, tasks
from durable_workflow.server.engine.state import LEASED, Activity, Run
from durable_workflow.server.engine.times import seconds
from durable_workflow.server.records import activities as activity_records
from durable_workflow.server.records import leases as records
from durable_workflow.server.records import runs
from durable_workflow.server.records.leases import Holder
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.requests import HeldTask
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import activity_tasks, workflow_tasks
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.services.workers import lease_seconds
from durable_workflow.server.store.protocol import Tx

# A lease that outlasts so many heartbeats is left as it is: renewing one costs a write.
_HEARTBEATS_AHEAD = 3


def renew(tx: Tx, worker: Worker, held: Sequence[HeldTask], settings: ServiceSettings) -> list[str]:
    """Renew the leases that a worker says it holds.

    It may name two attempts of one task: one that is over and whose code still runs, and the next.

    Returns:
        The ids of the tasks that are not its any more, in any of the attempts named.
    """
    unit = Unit(tx, settings)
    renewers = {"workflow": _renew_workflow_task, "activity": _renew_activity_task}
    renewed = {task.task_id for task in held if renewers[task.kind](unit, worker, task)}
    unit.finish()
    return [task.task_id for task in held if task.task_id not in renewed]


def release(
    tx: Tx,
    holder: Holder,
    settings: ServiceSettings,
    *,
    kept: Collection[str] = (),
    missed: bool = False,
) -> int:
    """Free everything that a session of a worker holds, because it is gone.

    Args:
        kept: Ids of tasks that it keeps.
        missed: It did not say so: its activities may be what has ended it.
    Returns:
        How many tasks were freed.
    """
    unit = Unit(tx, settings)
    # The runs are locked in order, and what is held is read again under their locks.
    held = {*records.run_ids(tx, holder)}
    held |= {activity.run_id for activity in records.held_activities(tx, holder)}
    for run_id in sorted(held):
        unit.run(run_id)
    freed = _expire_workflow_tasks(unit, holder, kept)
    for activity in records.held_activities(tx, holder):
        if activity.task_id not in kept:
            if missed:
                # The end of a run in this very unit has closed its activities.
                if unit.run(activity.run_id).closed:
                    continue
                activity_tasks.lose_worker(unit, activity)
            else:
                activity_tasks.expire_lease(unit, activity)
            freed += 1
    unit.finish()
    return freed


def release_workflow_tasks(tx: Tx, holder: Holder, settings: ServiceSettings) -> int:
    """Free the workflow tasks that a session of a worker holds: they have no effects of their own.

    Returns:
        How many tasks were freed.
    """
    unit = Unit(tx, settings)
    for run_id in sorted(records.run_ids(tx, holder)):
        unit.run(run_id)
    freed = _expire_workflow_tasks(unit, holder, ())
    unit.finish()
    return freed


def count(tx: Tx, worker: Worker) -> int:
    """How many tasks a session of a worker holds."""
    return records.count(tx, worker.holder)


def _expire_workflow_tasks(unit: Unit, holder: Holder, kept: Collection[str]) -> int:
    """Free the workflow tasks of runs that are locked; how many."""
    freed = 0
    for run in [unit.run(run_id) for run_id in records.run_ids(unit.tx, holder)]:
        if run.task_id not in kept:
            workflow_tasks.expire_lease(unit, run)
            freed += 1
    return freed


def _renew_workflow_task(unit: Unit, worker: Worker, task: HeldTask) -> bool:
    tx = unit.tx
    found = runs.by_task(tx, worker.namespace, task.task_id)
    if found is None:
        return False
    run = unit.adopt(found)
    if not _is_held(run, worker, tx.now) or run.task_attempt != task.attempt:
        return False
    if task.claim is not None and task.claim != run.lease_claim:
        return False  # of a task that was never committed
    lease = lease_seconds(worker, unit.settings.workflow_lease_seconds)
    if _ends_soon(run, worker, tx.now, seconds(lease)):
        unit.put(tasks.renew(run, tx.now, tx.new_id, lease_seconds=lease).run)
    return True


def _renew_activity_task(unit: Unit, worker: Worker, task: HeldTask) -> bool:
    tx = unit.tx
    run_id = activity_records.run_of_task(tx, worker.namespace, task.task_id)
    if run_id is None or unit.find(run_id) is None:
        return False
    activity = activity_records.by_task(tx, worker.namespace, task.task_id)
    if activity is None:
        return False
    if not _is_held(activity, worker, tx.now) or activity.attempt_id != task.attempt:
        return False
    lease = lease_seconds(worker, unit.settings.activity_lease_seconds)
    length = activities.lease_length(activities.policy_of(activity), lease)
    if _ends_soon(activity, worker, tx.now, length):
        unit.save_activity(activities.renewed(activity, tx.now, lease_seconds=lease))
    return True


def _is_held(of: Run | Activity, worker: Worker, now: int) -> bool:
    return (
        of.task_status == LEASED
        and of.lease_owner == worker.worker_id
        and (of.lease_session or "") == worker.session
        and of.lease_expires_at is not None
        and of.lease_expires_at > now
    )


def _ends_soon(of: Run | Activity, worker: Worker, now: int, lease: int) -> bool:
    """Whether the lease could end before a later heartbeat renews it, with some to spare."""
    assert of.lease_expires_at is not None
    ahead = seconds(worker.heartbeat_interval * _HEARTBEATS_AHEAD)
    return of.lease_expires_at - now <= max(ahead, lease // 2)
