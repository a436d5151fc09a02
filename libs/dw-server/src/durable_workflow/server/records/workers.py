"""Registered workers: a row for each session under a worker id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from durable_workflow._wire.extensions import HELD_TASKS, WORKER_STREAM
from durable_workflow.server.capabilities import EXTENSIONS
from durable_workflow.server.engine.times import SECOND
from durable_workflow.server.records.columns import Params, text, value
from durable_workflow.server.records.leases import Holder
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Key, Read, Row, Tx


class Worker(msgspec.Struct, frozen=True):
    """A session of a registered worker. JSON fields are read; times are microseconds.

    Attributes:
        session: Which of the worker objects under the id it is; '' for workers that do not say.
        challenged_at: When another session came under the id, until this one is heard again.
        left_at: When its connection broke, until it is heard again.
        on_stream: Whether its leases are those of a stream; 1 or 0.
        next_due_at: When it is missed, where `due_at` is when its broken connection tells.
        draining: Whether its build gets no new tasks; 1 or 0.
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
    on_stream: int
    next_due_at: int | None
    draining: int

    @property
    def names_held(self) -> bool:
        """Whether it names what it holds, so that its silence says that it is gone."""
        return names_held(self.session, self.capabilities)

    @property
    def knows_extensions(self) -> bool:
        """Whether it named an extension of ours: workers of other SDKs name none."""
        return not EXTENSIONS.keys().isdisjoint(self.capabilities)

    @property
    def is_sure(self) -> bool:
        """Whether the session is known to be alive, and not only not yet missed."""
        return self.names_held and self.due_at is not None and self.challenged_at is None

    def stale_at(self, settings: ServiceSettings) -> int:
        """When it is stale if it is not heard before."""
        return stale_at(self.seen_at, self.heartbeat_interval, settings)

    def is_live(self, now: int, settings: ServiceSettings) -> bool:
        """Whether it has shown itself recently enough to be counted on."""
        return now < self.stale_at(settings)

    def is_there(self, now: int) -> bool:
        """Whether it may be given tasks: it was not missed, and neither left nor drains."""
        is_heard = self.due_at is not None and self.due_at > now and self.left_at is None
        return is_heard and not self.draining

    @property
    def holder(self) -> Holder:
        """This session, as the holder of leases."""
        return Holder(self.namespace, self.worker_id, self.session)


_JSON_FIELDS = (
    "workflow_types",
    "activity_types",
    "fingerprints",
    "capabilities",
    "task_slots",
    "process_metrics",
)
_JSON_COLUMNS = tuple(map(Worker.__struct_fields__.index, _JSON_FIELDS))


class Heartbeat(NamedTuple):
    """What was heard of a worker.

    Attributes:
        due_at: When it is missed, where nothing more is heard.
        interval: Seconds from one heartbeat to the next.
    """

    worker: Worker
    due_at: int
    task_slots: dict[str, int] | None
    process_metrics: dict[str, Any] | None
    interval: int


class LiveWorker(msgspec.Struct, frozen=True):
    """What the fleet of a namespace is told of a worker."""

    worker_id: str
    task_queue: str
    build_id: str | None
    seen_at: int
    heartbeat_interval: int

    def stale_at(self, settings: ServiceSettings) -> int:
        """When it is stale if it is not heard before."""
        return stale_at(self.seen_at, self.heartbeat_interval, settings)


def load(row: Row) -> Worker:
    """A worker of its row."""
    fields = list(row)
    for index in _JSON_COLUMNS:
        fields[index] = value(fields[index])
    return Worker(*fields)


# Each poll asks for its worker: of so many the newest row is kept, with what was read of it.
_MOST_KNOWN: Final = 256
_known: dict[tuple[str, str, str | None], tuple[Row, Worker]] = {}


def _load_again(namespace: str, worker_id: str, session: str | None, row: Row) -> Worker:
    key = namespace, worker_id, session
    known = _known.pop(key, None)
    if known is None or known[0] != row:
        known = row, load(row)
    while len(_known) >= _MOST_KNOWN:
        del _known[next(iter(_known))]
    _known[key] = known
    return known[1]


def stale_at(seen_at: int, heartbeat_interval: int, settings: ServiceSettings) -> int:
    """When a worker with these heartbeats is stale that was last heard then."""
    return seen_at + settings.stale_after(heartbeat_interval) * SECOND


def names_held(session: str | None, capabilities: list[str]) -> bool:
    """Whether a session with these capabilities names what it holds."""
    return bool(session) and (HELD_TASKS in capabilities or WORKER_STREAM in capabilities)


def find(read: Read, namespace: str, worker_id: str, session: str | None = None) -> Worker | None:
    """This session of a registered worker; without one, the session that registered last."""
    row = read.one("worker", namespace=namespace, worker_id=worker_id, session=session or "")
    return None if row is None else _load_again(namespace, worker_id, session, row)


def lock(tx: Tx, namespace: str, worker_id: str) -> None:
    """Have all sessions under a worker id to oneself."""
    tx.lock(Key.worker(namespace, worker_id))


def sessions(read: Read, namespace: str, worker_id: str) -> list[Worker]:
    """Everything that is registered under a worker id, what came last first."""
    found = read.all("sessions_of_worker", namespace=namespace, worker_id=worker_id)
    return [load(row) for row in found]


def everywhere(read: Read) -> list[Worker]:
    """All workers of all namespaces, live or not."""
    return [load(row) for row in read.all("all_workers")]


def of_queue(read: Read, namespace: str, task_queue: str) -> list[Worker]:
    """All workers that registered for a task queue, live or not."""
    found = read.all("workers_of_queue", namespace=namespace, task_queue=task_queue)
    return [load(row) for row in found]


def of_namespace(read: Read, namespace: str, task_queue: str | None = None) -> list[Worker]:
    """All workers of a namespace, or of a queue of it, those that were heard last first."""
    found = read.all("workers_of_namespace", namespace=namespace, task_queue=task_queue or "")
    return [load(row) for row in found]


def shared_ids(workers: Sequence[Worker], now: int, settings: ServiceSettings) -> set[str]:
    """The ids under which several of these workers are known to be alive."""
    alive = Counter(
        worker.worker_id for worker in workers if worker.is_sure and worker.is_live(now, settings)
    )
    return {worker_id for worker_id, count in alive.items() if count > 1}


def silent(read: Read, most: int) -> list[Worker]:
    """Workers that have been silent for too long."""
    return [load(row) for row in read.all("due_workers", now=read.now, most=most)]


def live(read: Read, namespace: str, settings: ServiceSettings) -> list[LiveWorker]:
    """The workers of a namespace that are not stale."""
    found = [LiveWorker(*row) for row in read.all("fleet", namespace=namespace)]
    return [worker for worker in found if read.now < worker.stale_at(settings)]


def put(tx: Tx, worker: Worker) -> None:
    """Register a worker, or replace what was known of it."""
    params: Params = msgspec.structs.asdict(worker)
    for name in _JSON_FIELDS:
        params[name] = text(getattr(worker, name))
    tx.do("put_worker", **params)


def seen(tx: Tx, worker: Worker, due_at: int) -> None:
    """Note a sign of life, and when the worker would have to be missed."""
    tx.do("worker_seen", **_key(worker), seen_at=tx.now, due_at=due_at)


def heartbeats(tx: Tx, heard: Iterable[Heartbeat]) -> None:
    """Note heartbeats with what the workers say of themselves; None keeps what was known."""
    tx.do_many(
        "worker_heartbeat",
        [
            (
                tx.now,
                each.due_at,
                text(each.task_slots),
                text(each.process_metrics),
                each.interval,
                each.worker.namespace,
                each.worker.worker_id,
                each.worker.session,
            )
            for each in heard
        ],
    )


def challenged(tx: Tx, worker: Worker, due_at: int) -> None:
    """Note that another session has come under the id."""
    tx.do("worker_challenged", **_key(worker), challenged_at=tx.now, due_at=due_at)


def left(tx: Tx, worker: Worker, due_at: int | None, next_due_at: int | None) -> None:
    """Note that the connection of the worker broke, when that tells, and when it is missed."""
    tx.do(
        "worker_left",
        **_key(worker),
        left_at=worker.left_at or tx.now,
        due_at=due_at,
        next_due_at=next_due_at,
    )


def stream_opened(tx: Tx, worker: Worker, due_at: int) -> None:
    """Note that the worker has a stream, which is a sign of life."""
    tx.do("stream_opened", **_key(worker), seen_at=tx.now, due_at=due_at)


def stream_ended(tx: Tx, worker: Worker, due_at: int, *, returns: bool) -> None:
    """Note that the worker's stream has ended, and when it is missed if it does not come back.

    Args:
        returns: It may come back, and what it holds is still the stream's.
    """
    tx.do(
        "stream_ended", **_key(worker), left_at=tx.now, due_at=due_at, on_stream=1 if returns else 0
    )


def await_streams(tx: Tx, due_at: int) -> None:
    """Have the workers whose stream ended with the server missed at `due_at`."""
    tx.do("await_streams", due_at=due_at)


def missed(tx: Tx, worker: Worker) -> None:
    """Note that the worker was missed: it is not looked for again until it shows up."""
    tx.do("worker_missed", **_key(worker))


def delete(tx: Tx, worker: Worker) -> None:
    """Register this session no more."""
    tx.do("delete_worker", **_key(worker))


def deregister(tx: Tx, worker: Worker) -> None:
    """Register this session no more, and refuse it from now on."""
    delete(tx, worker)
    tx.do("deregister_session", **_key(worker), deregistered_at=tx.now)


def deregistered(read: Read, namespace: str, worker_id: str) -> set[str]:
    """The sessions under an id that are refused because an operator took them out."""
    found = read.all("deregistered_sessions", namespace=namespace, worker_id=worker_id)
    return {row[0] for row in found}


def admit(tx: Tx, namespace: str, worker_id: str, session: str) -> None:
    """Refuse a session no more."""
    tx.do("admit_session", namespace=namespace, worker_id=worker_id, session=session)


def forget(tx: Tx, namespace: str, *, before: int) -> None:
    """Delete what is left of workers that were missed or taken out before a time."""
    tx.do("forget_missed_workers", namespace=namespace, before=before)
    tx.do("forget_deregistered", namespace=namespace, before=before)


def await_all(tx: Tx, patience: int) -> None:
    """Give every worker that was not missed its whole time again.

    Args:
        patience: Microseconds for each second between the heartbeats of a worker.
    """
    tx.do("await_workers", now=tx.now, patience=patience)


def _key(worker: Worker) -> Params:
    return {
        "namespace": worker.namespace,
        "worker_id": worker.worker_id,
        "session": worker.session,
    }
