"""The end of a worker's session: by its goodbye, by silence, or because another one replaced it.

A session is one worker object in one process. It is known by the random word that it sends with its
registration, its heartbeats and its polls, and a lease belongs to it. A worker that sends none has
the session ''.
"""

from __future__ import annotations

import logging
from typing import Final

from durable_workflow.server.engine.times import SECOND
from durable_workflow.server.notices import DueAt, TaskReady, WorkerGone, WorkersChanged
from durable_workflow.server.records import leases as lease_records
from durable_workflow.server.records import runs
from durable_workflow.server.records import workers as records
from durable_workflow.server.records.leases import Holder
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    Caller,
    DeregisterWorker,
    NamedWorker,
    PollTask,
    WorkerHeartbeat,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import leases, workers
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views.workers import not_found

# A worker whose connection broke, and that goes on, sends a request within this time.
BROKEN: Final = 2 * SECOND


def heartbeat(tx: Tx, namespace: str, request: WorkerHeartbeat, settings: ServiceSettings) -> Reply:
    """Note that a worker is alive, what it says of itself, and what it holds."""
    answer = workers.heartbeat(tx, namespace, request, settings)
    if request.held_tasks is not None:
        worker = records.find(tx, namespace, request.worker_id, request.session)
        assert worker is not None
        answer.body["dropped"] = leases.renew(tx, worker, request.held_tasks, settings)
    return answer


def deregister(
    tx: Tx, namespace: str, request: DeregisterWorker, settings: ServiceSettings
) -> Reply:
    """Take a worker's goodbye: its registration goes, and what it holds is free at once."""
    records.lock(tx, namespace, request.worker_id)
    worker = records.find(tx, namespace, request.worker_id, request.session)
    if worker is not None:
        _forget(tx, worker)
    holder = Holder(namespace, request.worker_id, request.session)
    freed = leases.release(tx, holder, settings)
    text = "worker %s of %s said goodbye, leases freed: %d"
    tx.say(logging.INFO, text, request.worker_id, namespace, freed)
    return Reply(
        {
            "worker_id": request.worker_id,
            "deregistered": worker is not None,
            "released_tasks": freed,
        },
    )


def remove(tx: Tx, caller: Caller, asked: NamedWorker, settings: ServiceSettings) -> Reply:
    """Take a worker out for an operator: all of its sessions, which are refused from now on.

    Its leases run to their end, so that what it works on is not done twice.

    Raises:
        Refused: None of that id is registered.
    """
    del settings
    namespace = caller.namespace
    records.lock(tx, namespace, asked.worker_id)
    found = records.sessions(tx, namespace, asked.worker_id)
    if not found:
        raise not_found(namespace, asked.worker_id)
    for worker in found:
        records.deregister(tx, worker)
        offer_kept(tx, worker)
        tx.notify(WorkersChanged(namespace, worker.task_queue))
    tx.say(logging.INFO, "worker %s of %s was deregistered", asked.worker_id, namespace)
    return Reply({"worker_id": asked.worker_id, "outcome": "deregistered"})


def await_return(tx: Tx, settings: ServiceSettings) -> None:
    """The server starts: give workers time to show that they are alive.

    No worker could be heard while the server was down, so their silence means nothing. Only leases
    of workers that name what they hold are prolonged; others know when theirs ended. Heartbeats of
    activities could not be heard either, whoever sends them.
    """
    patience = settings.missed_heartbeats * SECOND
    records.await_all(tx, patience)
    until = tx.now + workers.renewal_seconds(settings) * patience
    known = [each.holder for each in records.everywhere(tx) if each.names_held]
    lease_records.prolong(tx, known, until)
    lease_records.restart_heartbeat_timeouts(tx)


def find(read: Read, namespace: str, request: PollTask) -> Worker | None:
    """The worker that polls, where it is registered."""
    return records.find(read, namespace, request.worker_id, request.session)


def leave(tx: Tx, namespace: str, request: PollTask | WorkerHeartbeat) -> None:
    """Note that the connection of a worker broke while its request was held.

    It may only have been cut, so the leases stay for a moment (`miss`). But no task is kept back
    for this worker any more, until it is heard again. The leases of a worker with a stream are the
    stream's: of its requests nothing follows.
    """
    records.lock(tx, namespace, request.worker_id)
    worker = records.find(tx, namespace, request.worker_id, request.session)
    if worker is None or worker.left_at is not None or worker.on_stream:
        return
    soon = tx.now + BROKEN
    if worker.names_held and worker.due_at is not None and worker.due_at <= soon:
        records.left(tx, worker, worker.due_at, None)  # everything it holds is free before
    else:
        records.left(tx, worker, soon, worker.due_at or soon)
        tx.notify(DueAt(soon))
    offer_kept(tx, worker)


def miss(tx: Tx, worker: Worker, settings: ServiceSettings) -> None:
    """A worker has been silent for too long.

    After its connection broke that is a moment, and then its workflow tasks are free: no effect is
    done twice by doing them again. Of its activities nothing follows: a worker that is busy may
    have no request in flight.

    A worker that names what it holds would have sent a heartbeat: it is gone, and its leases are
    free. From the silence of other workers nothing follows. Their leases end by their own time.
    """
    if worker.next_due_at is not None:
        freed = leases.release_workflow_tasks(tx, worker.holder, settings)
        text = "the connection of worker %s of %s broke, and it is silent: %d workflow tasks freed"
        tx.say(logging.INFO, text, worker.worker_id, worker.namespace, freed)
        if worker.next_due_at > tx.now:
            records.left(tx, worker, worker.next_due_at, None)
            tx.notify(DueAt(worker.next_due_at))
            return
    if worker.names_held:
        freed = leases.release(tx, worker.holder, settings, missed=True)
        if freed:
            tx.say(
                logging.WARNING,
                "worker %s of %s is gone, leases freed: %d",
                worker.worker_id,
                worker.namespace,
                freed,
            )
    elif held := leases.count(tx, worker):
        tx.say(
            logging.WARNING,
            "worker %s of %s has been silent for %d s and does not name what it holds: "
            "%d leases end by their own time",
            worker.worker_id,
            worker.namespace,
            (tx.now - worker.seen_at) // SECOND,
            held,
        )
    if workers.others(tx, worker):
        _forget(tx, worker)
    else:
        records.missed(tx, worker)
        offer_kept(tx, worker)


def _forget(tx: Tx, worker: Worker) -> None:
    records.delete(tx, worker)
    offer_kept(tx, worker)


def offer_kept(tx: Tx, worker: Worker) -> None:
    """Offer to others what was held back for a worker, and the query tasks that it has."""
    tx.notify(WorkerGone(worker.namespace, worker.worker_id, worker.session))
    for _ in range(runs.kept_for(tx, worker.namespace, worker.task_queue, worker.worker_id)):
        tx.notify(TaskReady("workflow", worker.namespace, worker.task_queue))
