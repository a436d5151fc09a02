"""The leases of one session of a worker: renewed while it names them, freed when it is gone."""

from __future__ import annotations

from durable_workflow.server.engine import activities, tasks
from durable_workflow.server.engine.state import LEASED, Activity, Run
from durable_workflow.server.engine.times import seconds
from durable_workflow.server.services import activity_tasks, workflow_tasks
from durable_workflow.server.services.requests import HeldTask
from durable_workflow.server.services.settings import ServiceSettings
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.services.workers import Worker, lease_seconds
from durable_workflow.server.store.protocol import Tx

# A lease that outlasts so many heartbeats is left as it is: renewing one costs a write.
_HEARTBEATS_AHEAD = 3


def renew(tx: Tx, worker: Worker, held: list[HeldTask], settings: ServiceSettings) -> list[str]:
    """Renew the leases that a worker says it holds.

    Returns:
        The ids of the tasks that are not its any more.
    """
    unit = Unit(tx, settings)
    renewers = {"workflow": _renew_workflow_task, "activity": _renew_activity_task}
    dropped = [task.task_id for task in held if not renewers[task.kind](unit, worker, task)]
    unit.finish()
    return dropped


def release(tx: Tx, namespace: str, worker_id: str, session: str, settings: ServiceSettings) -> int:
    """Free everything that a session of a worker holds, because it is gone.

    Returns:
        How many tasks were freed.
    """
    unit = Unit(tx, settings)
    owner = {"worker_id": worker_id, "namespace": namespace, "session": session}
    runs = tx.all("runs_leased_to", **owner)
    for row in runs:
        workflow_tasks.expire_lease(unit, unit.adopt(Run(*row)))
    held = tx.all("activities_leased_to", **owner)
    for row in held:
        activity_tasks.expire_lease(unit, Activity(*row))
    unit.finish()
    return len(runs) + len(held)


def count(tx: Tx, worker: Worker) -> int:
    """How many tasks a session of a worker holds."""
    owner = {
        "worker_id": worker.worker_id,
        "namespace": worker.namespace,
        "session": worker.session,
    }
    return len(tx.all("runs_leased_to", **owner)) + len(tx.all("activities_leased_to", **owner))


def _renew_workflow_task(unit: Unit, worker: Worker, task: HeldTask) -> bool:
    tx = unit.tx
    row = tx.one("run_by_task", task_id=task.task_id, namespace=worker.namespace)
    if row is None:
        return False
    run = unit.adopt(Run(*row))
    if not _is_held(run, worker, tx.now) or run.task_attempt != task.attempt:
        return False
    lease = lease_seconds(worker, unit.settings.workflow_lease_seconds)
    if _ends_soon(run, worker, tx.now, seconds(lease)):
        unit.apply(tasks.renew(run, tx.now, tx.new_id, lease_seconds=lease))
    return True


def _renew_activity_task(unit: Unit, worker: Worker, task: HeldTask) -> bool:
    tx = unit.tx
    row = tx.one("activity_by_task", task_id=task.task_id, namespace=worker.namespace)
    if row is None:
        return False
    activity = Activity(*row)
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
