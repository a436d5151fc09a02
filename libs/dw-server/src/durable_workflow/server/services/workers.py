"""Workers: registration, heartbeats, signs of life, and what they may poll."""

from __future__ import annotations

import logging
from typing import Any, Final

from durable_workflow.server.engine.times import SECOND
from durable_workflow.server.notices import DueAt, WorkerChallenged, WorkerGone
from durable_workflow.server.records import workers as records
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    OpenStream,
    PollTask,
    RegisterWorker,
    WorkerHeartbeat,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import builds
from durable_workflow.server.store.protocol import Read, Tx, Value
from durable_workflow.server.views.workers import SHARED_ID

# A lease is at least so many heartbeats long, and a worker that renews its leases is asked for
# heartbeats often enough for that.
_HEARTBEATS_PER_LEASE: Final = 3
# What is left of workers that are gone is kept for a day, to be looked at.
_KEPT: Final = 24 * 3600 * SECOND
# A session that is alive sends a heartbeat within this time after another one registers its id.
CHALLENGE: Final = 2 * SECOND


def others(read: Read, worker: Worker) -> list[Worker]:
    """The other sessions under the id of a worker that have not been missed."""
    found = records.sessions(read, worker.namespace, worker.worker_id)
    return [each for each in found if each.session != worker.session and each.due_at is not None]


def lease_seconds(worker: Worker, configured: float) -> float:
    """How long a task is leased to a worker: while it lives, a heartbeat comes before the end."""
    if not worker.names_held:
        return configured
    return max(configured, worker.heartbeat_interval * _HEARTBEATS_PER_LEASE)


def register(tx: Tx, namespace: str, request: RegisterWorker, settings: ServiceSettings) -> Reply:
    """Announce a worker, or replace what is known of it."""
    worker_id = request.worker_id or tx.new_id()
    session = request.session or ""
    records.lock(tx, namespace, worker_id)
    _check_admitted(tx, namespace, worker_id, session)
    sessions = records.sessions(tx, namespace, worker_id)
    # A new session is a new process: it may bring new code under the old id.
    known = next((each for each in sessions if each.session == session), None)
    # One that is silent for long is another process, where sessions have no names.
    again = known if known is not None and known.is_live(tx.now, settings) else None
    fingerprints = _fingerprints(request, again, worker_id)
    if known is None:
        _challenge(tx, sessions)
    interval = _interval(
        request.heartbeat_interval_seconds or settings.heartbeat_interval_seconds,
        settings,
        names_held=records.names_held(session, request.capabilities),
    )
    due_at = tx.now + patience(interval, settings)
    draining = builds.is_drained(tx, namespace, request.task_queue, request.build_id)
    records.put(
        tx,
        Worker(
            namespace=namespace,
            worker_id=worker_id,
            task_queue=request.task_queue,
            runtime=request.runtime,
            sdk_version=request.sdk_version,
            build_id=request.build_id,
            workflow_types=request.supported_workflow_types,
            activity_types=request.supported_activity_types,
            fingerprints=fingerprints,
            max_workflow_tasks=request.max_concurrent_workflow_tasks,
            max_activity_tasks=request.max_concurrent_activity_tasks,
            capabilities=request.capabilities,
            task_slots=request.task_slots,
            process_metrics=request.process_metrics,
            heartbeat_interval=interval,
            registered_at=again.registered_at if again else tx.now,
            heartbeat_at=tx.now,
            seen_at=tx.now,
            due_at=due_at,
            session=session,
            challenged_at=None,
            left_at=None,
            on_stream=0,
            next_due_at=None,
            draining=int(draining),
        ),
    )
    tx.notify(DueAt(due_at))
    # A worker that does not name its sessions may be another process than the one before.
    tx.notify(WorkerGone(namespace, worker_id, session))
    body: dict[str, Any] = {
        "worker_id": worker_id,
        "registered": True,
        "task_queue": request.task_queue,
        "runtime": request.runtime,
        "status": "draining" if draining else "active",
    }
    return Reply(body | _cadence(interval, settings), form="created")


def heartbeat(tx: Tx, namespace: str, request: WorkerHeartbeat, settings: ServiceSettings) -> Reply:
    """Note that a worker is alive, and what it says of itself."""
    worker = records.find(tx, namespace, request.worker_id, request.session)
    if worker is None:
        check_not_deregistered(tx, namespace, request.worker_id, request.session)
        raise Refused(
            "worker_not_registered",
            "Worker not registered.",
            extra={"worker_id": request.worker_id},
        )
    interval = _interval(
        request.heartbeat_interval_seconds or worker.heartbeat_interval,
        settings,
        names_held=worker.names_held,
    )
    slots = clamped(request.task_slots, worker)
    due_at = tx.now + patience(interval, settings)
    heard = records.Heartbeat(worker, due_at, slots, request.process_metrics, interval)
    records.heartbeats(tx, [heard])
    tx.notify(DueAt(due_at))
    warn_of_shared_id(tx, worker)
    body: dict[str, Any] = {
        "worker_id": request.worker_id,
        "acknowledged": True,
        "status": "draining" if worker.draining else "active",
    }
    if request.session is not None and shares_id(others(tx, worker)):
        body["warnings"] = [SHARED_ID]
    return Reply(body | _cadence(interval, settings))


def poll_guard(tx: Tx, namespace: str, request: PollTask, settings: ServiceSettings) -> Worker:
    """The registered worker behind a poll, which is a sign of life.

    Raises:
        Refused: It is not registered, or for another queue or build.
    """
    worker = registered(tx, namespace, request)
    seen(tx, worker, settings)
    return worker


def registered(read: Read, namespace: str, request: PollTask | OpenStream) -> Worker:
    """The worker that asks for tasks.

    Raises:
        Refused: It is not registered, or for another queue or build.
    """
    worker = records.find(read, namespace, request.worker_id, request.session)
    if worker is None:
        check_not_deregistered(read, namespace, request.worker_id, request.session)
        raise Refused(
            "worker_not_registered",
            "Worker must be registered before polling. Call POST /worker/register first.",
            extra={"worker_id": request.worker_id},
        )
    if worker.task_queue != request.task_queue:
        raise Refused(
            "task_queue_mismatch",
            "Worker is registered for another task queue.",
            extra={
                "registered_task_queue": worker.task_queue,
                "requested_task_queue": request.task_queue,
            },
        )
    if worker.build_id and request.build_id and worker.build_id != request.build_id:
        raise Refused(
            "build_id_mismatch",
            "Worker is registered with another build id.",
            extra={
                "registered_build_id": worker.build_id,
                "requested_build_id": request.build_id,
            },
        )
    return worker


def check_not_deregistered(read: Read, namespace: str, worker_id: str, session: str | None) -> None:
    """Refuse a session that an operator has taken out, though nothing is known of it any more.

    Raises:
        Refused: It was taken out.
    """
    out = records.deregistered(read, namespace, worker_id)
    if (session in out) if session else out:
        raise _deregistered(worker_id)


def seen(tx: Tx, worker: Worker, settings: ServiceSettings) -> None:
    """Record a sign of life, but not every one: writing it costs as much as the poll itself.

    A worker that names what it holds is missed when its heartbeats are: a poll that is held says
    little about a process that has stopped.
    """
    is_doubted = worker.due_at is None or worker.challenged_at is not None
    if (
        not is_doubted
        and worker.left_at is None
        and tx.now - worker.seen_at < worker.heartbeat_interval * SECOND
    ):
        return
    due_at = worker.next_due_at or worker.due_at
    if due_at is None or is_doubted or not worker.names_held:
        due_at = tx.now + patience(worker.heartbeat_interval, settings)
    records.seen(tx, worker, due_at)
    tx.notify(DueAt(due_at))
    warn_of_shared_id(tx, worker)


def seen_by_lease(
    tx: Tx, namespace: str, worker_id: str, session: str | None, settings: ServiceSettings
) -> None:
    """Note the sign of life that a task's heartbeat is. The worker need not be registered."""
    worker = records.find(tx, namespace, worker_id, session)
    if worker is not None:
        seen(tx, worker, settings)


def renewal_seconds(settings: ServiceSettings) -> int:
    """How often a worker that renews its leases is heard, at the least."""
    shortest = min(settings.workflow_lease_seconds, settings.activity_lease_seconds)
    return max(1, min(settings.heartbeat_interval_seconds, int(shortest / _HEARTBEATS_PER_LEASE)))


def _check_admitted(tx: Tx, namespace: str, worker_id: str, session: str) -> None:
    """Refuse to register a session that was taken out.

    A worker that names no session may be another process than the one before: it is admitted.
    """
    if not session:
        records.admit(tx, namespace, worker_id, session)
    elif session in records.deregistered(tx, namespace, worker_id):
        raise _deregistered(worker_id)
    records.forget(tx, namespace, before=tx.now - _KEPT)


def _deregistered(worker_id: str) -> Refused:
    return Refused(
        "worker_deregistered",
        "The worker was deregistered by an operator. Start it again to have it register anew.",
        extra={"worker_id": worker_id},
    )


def _challenge(tx: Tx, sessions: list[Worker]) -> None:
    """A new session has come under an id: the others are gone, unless they are heard soon.

    A worker that names no session may be silent for long, and is not asked.
    """
    for each in sessions:
        if each.due_at is None:
            records.delete(tx, each)  # it was missed, and now replaced
        elif each.names_held:
            due_at = min(each.next_due_at or each.due_at, tx.now + CHALLENGE)
            records.challenged(tx, each, due_at)
            tx.notify(DueAt(due_at))
            tx.notify(WorkerChallenged(each.namespace, each.worker_id))


def warn_of_shared_id(tx: Tx, worker: Worker) -> None:
    """Log once that two live workers have one id: when the older shows itself."""
    if worker.challenged_at is not None:
        tx.say(
            logging.WARNING,
            "two live workers of %s have the id %s: give each worker an id of its own",
            worker.namespace,
            worker.worker_id,
        )
        # The answers to their next heartbeats say so: let those come now.
        tx.notify(WorkerChallenged(worker.namespace, worker.worker_id))


def shares_id(rivals: list[Worker]) -> bool:
    return any(each.is_sure for each in rivals)


def _interval(asked: int, settings: ServiceSettings, *, names_held: bool) -> int:
    """Seconds between the heartbeats of a worker: often enough to renew its leases."""
    return min(asked, renewal_seconds(settings)) if names_held else asked


def patience(interval: int, settings: ServiceSettings) -> int:
    """How long a worker may be silent: so many heartbeats in a row may be missed."""
    return interval * settings.missed_heartbeats * SECOND


def _cadence(interval: int, settings: ServiceSettings) -> dict[str, Value]:
    return {
        "heartbeat_interval_seconds": interval,
        "stale_after_seconds": settings.stale_after(interval),
    }


def _fingerprints(request: RegisterWorker, known: Worker | None, worker_id: str) -> dict[str, str]:
    """The fingerprints to keep: those sent and those known, of types that are advertised."""
    types = request.supported_workflow_types

    def advertised(fingerprints: dict[str, str]) -> dict[str, str]:
        # No list of types stands for any type.
        return {each: of for each, of in fingerprints.items() if not types or each in types}

    sent = advertised(request.workflow_definition_fingerprints)
    if known is None:
        return sent
    kept = advertised(known.fingerprints)
    for workflow_type, fingerprint in kept.items():
        if sent.get(workflow_type, fingerprint) != fingerprint:
            raise Refused(
                "workflow_definition_changed",
                "Worker attempted to re-register a changed workflow definition.",
                extra={
                    "workflow_type": workflow_type,
                    "worker_id": worker_id,
                    "remediation": "Restart the worker with a new worker_id before registering "
                    "a changed workflow class definition.",
                },
            )
    return kept | sent


def clamped(slots: dict[str, int] | None, worker: Worker) -> dict[str, int] | None:
    """The free slots that a worker says it has, none of them more than it may have."""
    if slots is None:
        return None
    most = {
        "workflow_available": worker.max_workflow_tasks,
        "activity_available": worker.max_activity_tasks,
    }
    return {name: min(max(count, 0), most.get(name, count)) for name, count in slots.items()}
