"""Workers: registration, heartbeats, signs of life, and what they may poll."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from durable_workflow.server.capabilities import EXTENSIONS
from durable_workflow.server.engine.times import SECOND
from durable_workflow.server.notices import DueAt, WorkerChallenged, WorkerGone
from durable_workflow.server.services import rows
from durable_workflow.server.services.refusals import Refused
from durable_workflow.server.services.replies import Reply
from durable_workflow.server.services.requests import (
    PollTask,
    RegisterWorker,
    WorkerHeartbeat,
)
from durable_workflow.server.services.settings import ServiceSettings
from durable_workflow.server.store.protocol import Read, Row, Tx, Value

_log = logging.getLogger(__name__)

# The extension by which a worker names what it holds in each heartbeat.
HELD_TASKS: Final = "held_tasks"
# A lease is at least so many heartbeats long, and a worker that renews its leases is asked for
# heartbeats often enough for that.
_HEARTBEATS_PER_LEASE: Final = 3
# A session that is alive answers within this time when another has come under its id.
CHALLENGE: Final = 2 * SECOND
SHARED_ID: Final = (
    "another live worker is registered under this worker id; give each worker an id of its own"
)


class Worker(msgspec.Struct):
    """A session of a registered worker. JSON fields are read; times are microseconds.

    Attributes:
        session: Which of the worker objects under the id it is; '' for workers that do not say.
        challenged_at: When another session came under the id, until this one is heard again.
        left_at: When its connection broke, until it is heard again.
    """

    namespace: str
    worker_id: str
    task_queue: str
    runtime: str
    sdk_version: str | None
    build_id: str | None
    workflow_types: list[str]
    activity_types: list[str]
    fingerprints: dict[str, str]
    max_workflow_tasks: int
    max_activity_tasks: int
    capabilities: list[str]
    task_slots: dict[str, int] | None
    process_metrics: dict[str, Any] | None
    heartbeat_interval: int
    registered_at: int
    heartbeat_at: int
    seen_at: int
    due_at: int | None
    session: str
    challenged_at: int | None
    left_at: int | None

    @property
    def names_held(self) -> bool:
        """Whether it names what it holds, so that its silence says that it is gone."""
        return bool(self.session) and HELD_TASKS in self.capabilities

    @property
    def knows_extensions(self) -> bool:
        """Whether it named an extension of ours: workers of other SDKs name none."""
        return not EXTENSIONS.keys().isdisjoint(self.capabilities)

    def is_live(self, now: int, settings: ServiceSettings) -> bool:
        """Whether it has shown itself recently enough to be counted on."""
        return now < self.seen_at + _patience(self.heartbeat_interval, settings)


_JSON_COLUMNS = tuple(
    index
    for index, name in enumerate(Worker.__struct_fields__)
    if name
    in {
        "workflow_types",
        "activity_types",
        "fingerprints",
        "capabilities",
        "task_slots",
        "process_metrics",
    }
)


def find(read: Read, namespace: str, worker_id: str, session: str | None = None) -> Worker | None:
    """This session of a registered worker; without one, the session that registered last."""
    row = read.one("worker", namespace=namespace, worker_id=worker_id, session=session or "")
    return None if row is None else of_row(row)


def others(read: Read, worker: Worker) -> list[Worker]:
    """The other sessions under the id of a worker that have not been missed."""
    found = _sessions(read, worker.namespace, worker.worker_id)
    return [each for each in found if each.session != worker.session and each.due_at is not None]


def key_of(worker: Worker) -> dict[str, Value]:
    """What names this session in a statement."""
    return {
        "namespace": worker.namespace,
        "worker_id": worker.worker_id,
        "session": worker.session,
    }


def lease_seconds(worker: Worker, configured: float) -> float:
    """How long a task is leased to a worker: while it lives, a heartbeat comes before the end."""
    if not worker.names_held:
        return configured
    return max(configured, worker.heartbeat_interval * _HEARTBEATS_PER_LEASE)


def of_queue(read: Read, namespace: str, task_queue: str) -> list[Worker]:
    """All workers that registered for a task queue, live or not."""
    found = read.all("workers_of_queue", namespace=namespace, task_queue=task_queue)
    return [of_row(row) for row in found]


def register(tx: Tx, namespace: str, request: RegisterWorker, settings: ServiceSettings) -> Reply:
    """Announce a worker, or replace what is known of it."""
    worker_id = request.worker_id or tx.new_id()
    session = request.session or ""
    sessions = _sessions(tx, namespace, worker_id)
    # A new session is a new process: it may bring new code under the old id.
    known = next((each for each in sessions if each.session == session), None)
    active = known is not None and known.is_live(tx.now, settings)
    fingerprints = _fingerprints(request, known if active else None, worker_id)
    if known is None:
        _challenge(tx, sessions)
    interval = _interval(
        request.heartbeat_interval_seconds or settings.heartbeat_interval_seconds,
        settings,
        names_held=bool(session) and HELD_TASKS in request.capabilities,
    )
    due_at = tx.now + _patience(interval, settings)
    tx.do(
        "put_worker",
        namespace=namespace,
        worker_id=worker_id,
        task_queue=request.task_queue,
        runtime=request.runtime,
        sdk_version=request.sdk_version,
        build_id=request.build_id,
        workflow_types=rows.text(request.supported_workflow_types),
        activity_types=rows.text(request.supported_activity_types),
        fingerprints=rows.text(fingerprints),
        max_workflow_tasks=request.max_concurrent_workflow_tasks,
        max_activity_tasks=request.max_concurrent_activity_tasks,
        capabilities=rows.text(request.capabilities),
        task_slots=rows.text(request.task_slots),
        process_metrics=rows.text(request.process_metrics),
        heartbeat_interval=interval,
        registered_at=tx.now,
        heartbeat_at=tx.now,
        seen_at=tx.now,
        due_at=due_at,
        session=session,
        challenged_at=None,
        left_at=None,
    )
    tx.notify(DueAt(due_at))
    # A worker that does not name its sessions may be another process than the one before.
    tx.notify(WorkerGone(namespace, worker_id, session))
    body: dict[str, Any] = {
        "worker_id": worker_id,
        "registered": True,
        "task_queue": request.task_queue,
        "runtime": request.runtime,
        "status": "active",
    }
    return Reply(body | _cadence(interval, settings), form="created")


def heartbeat(tx: Tx, namespace: str, request: WorkerHeartbeat, settings: ServiceSettings) -> Reply:
    """Note that a worker is alive, and what it says of itself."""
    worker = find(tx, namespace, request.worker_id, request.session)
    if worker is None:
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
    slots = _clamped(request.task_slots, worker)
    due_at = tx.now + _patience(interval, settings)
    tx.do(
        "worker_heartbeat",
        **key_of(worker),
        seen_at=tx.now,
        due_at=due_at,
        task_slots=rows.text(slots),
        process_metrics=rows.text(request.process_metrics),
        heartbeat_interval=interval,
    )
    tx.notify(DueAt(due_at))
    _warn_of_shared_id(tx, worker)
    body: dict[str, Any] = {"worker_id": request.worker_id, "acknowledged": True}
    if request.session is not None and _shares_id(others(tx, worker)):
        body["warnings"] = [SHARED_ID]
    return Reply(body | _cadence(interval, settings))


def poll_guard(tx: Tx, namespace: str, request: PollTask, settings: ServiceSettings) -> Worker:
    """The registered worker behind a poll, which is a sign of life.

    Raises:
        Refused: It is not registered, or for another queue or build.
    """
    worker = find(tx, namespace, request.worker_id, request.session)
    if worker is None:
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
    seen(tx, worker, settings)
    return worker


def claimed_before(tx: Tx, statement: str, namespace: str, request: PollTask) -> Row | None:
    """The row whose task this very poll was handed before and still holds, for it is repeated.

    Args:
        statement: `run_claimed_by_request` or `activity_claimed_by_request`.
    """
    if request.poll_request_id is None:
        return None
    return tx.one(
        statement,
        namespace=namespace,
        task_queue=request.task_queue,
        worker_id=request.worker_id,
        poll_request_id=request.poll_request_id,
        now=tx.now,
    )


def seen(tx: Tx, worker: Worker, settings: ServiceSettings) -> None:
    """Note a sign of life, but not each of many: writing one costs as much as the poll itself.

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
    due_at = worker.due_at
    if due_at is None or is_doubted or not worker.names_held:
        due_at = tx.now + _patience(worker.heartbeat_interval, settings)
    tx.do("worker_seen", **key_of(worker), seen_at=tx.now, due_at=due_at)
    tx.notify(DueAt(due_at))
    _warn_of_shared_id(tx, worker)


def seen_by_lease(
    tx: Tx, namespace: str, worker_id: str, session: str | None, settings: ServiceSettings
) -> None:
    """Note the sign of life that a task's heartbeat is. The worker need not be registered."""
    worker = find(tx, namespace, worker_id, session)
    if worker is not None:
        seen(tx, worker, settings)


def renewal_seconds(settings: ServiceSettings) -> int:
    """How often a worker that renews its leases is heard, at the least."""
    shortest = min(settings.workflow_lease_seconds, settings.activity_lease_seconds)
    return max(1, min(settings.heartbeat_interval_seconds, int(shortest / _HEARTBEATS_PER_LEASE)))


def shared_ids(workers: Iterable[Worker]) -> set[str]:
    """The ids under which several of these workers are alive."""
    alive = [each.worker_id for each in workers if _is_sure(each)]
    return {worker_id for worker_id in alive if alive.count(worker_id) > 1}


def _sessions(read: Read, namespace: str, worker_id: str) -> list[Worker]:
    found = read.all("sessions_of_worker", namespace=namespace, worker_id=worker_id)
    return [of_row(row) for row in found]


def _challenge(tx: Tx, sessions: list[Worker]) -> None:
    """A new session has come under an id: the others are gone, unless they are heard soon.

    A worker that names no session may be silent for long, and is not asked.
    """
    for each in sessions:
        if each.due_at is None:
            tx.do("delete_worker", **key_of(each))  # it was missed, and now replaced
        elif each.names_held:
            due_at = min(each.due_at, tx.now + CHALLENGE)
            tx.do("worker_challenged", **key_of(each), challenged_at=tx.now, due_at=due_at)
            tx.notify(DueAt(due_at))
            tx.notify(WorkerChallenged(each.namespace, each.worker_id))


def _warn_of_shared_id(tx: Tx, worker: Worker) -> None:
    """Log once that two live workers have one id: when the older shows itself."""
    if worker.challenged_at is not None:
        _log.warning(
            "two live workers of %s have the id %s: give each worker an id of its own",
            worker.namespace,
            worker.worker_id,
        )
        # The answers to their next heartbeats say so: let those come now.
        tx.notify(WorkerChallenged(worker.namespace, worker.worker_id))


def _shares_id(rivals: list[Worker]) -> bool:
    return any(_is_sure(each) for each in rivals)


def _is_sure(worker: Worker) -> bool:
    """Whether a session is known to be alive, and not only not yet missed."""
    return worker.names_held and worker.due_at is not None and worker.challenged_at is None


def _interval(asked: int, settings: ServiceSettings, *, names_held: bool) -> int:
    """Seconds between the heartbeats of a worker: often enough to renew its leases."""
    return min(asked, renewal_seconds(settings)) if names_held else asked


def of_row(row: Row) -> Worker:
    """The worker that a row holds."""
    fields = list(row)
    for index in _JSON_COLUMNS:
        fields[index] = rows.value(fields[index])
    return Worker(*fields)


def _patience(interval: int, settings: ServiceSettings) -> int:
    """How long a worker may be silent: so many heartbeats in a row may be missed."""
    return interval * settings.missed_heartbeats * SECOND


def _cadence(interval: int, settings: ServiceSettings) -> dict[str, Value]:
    return {
        "heartbeat_interval_seconds": interval,
        "stale_after_seconds": interval * settings.missed_heartbeats,
    }


def _fingerprints(request: RegisterWorker, known: Worker | None, worker_id: str) -> dict[str, str]:
    """The fingerprints to keep: those sent, and known ones of types that are still advertised."""
    sent = request.workflow_definition_fingerprints
    if known is None:
        return sent
    kept: dict[str, str] = {}
    for workflow_type, fingerprint in known.fingerprints.items():
        if workflow_type not in request.supported_workflow_types:
            continue
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
        kept[workflow_type] = fingerprint
    return kept | sent


def _clamped(slots: dict[str, int] | None, worker: Worker) -> dict[str, int] | None:
    if slots is None:
        return None
    most = {
        "workflow_available": worker.max_workflow_tasks,
        "activity_available": worker.max_activity_tasks,
    }
    return {name: min(max(count, 0), most.get(name, count)) for name, count in slots.items()}
