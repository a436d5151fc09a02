"""What a worker's stream means for its leases: they are the connection's.

While it stands, what the worker holds stays leased. When it ends without a goodbye the worker is
missed after a grace, unless it comes back, and all that it holds is free (`sessions.miss`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec

from durable_workflow.server.engine.times import seconds
from durable_workflow.server.notices import DueAt
from durable_workflow.server.records import activities, runs
from durable_workflow.server.records import workers as records
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.requests import HeldTask, OpenStream, SignOfLife
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import leases, sessions, workers
from durable_workflow.server.store.protocol import Read, Tx


class Opened(msgspec.Struct, frozen=True):
    """What a worker is told that opens a stream.

    Attributes:
        dropped: Ids of the tasks that it names and does not own.
        shares_id: Whether another live worker is registered under its id.
    """

    worker: Worker
    dropped: list[str]
    shares_id: bool


def open_stream(tx: Tx, namespace: str, request: OpenStream, settings: ServiceSettings) -> Opened:
    """Begin a stream: the worker keeps the leases that it names, and all others are free.

    Finished work that it names because it was never acknowledged counts as its own, so that it
    reports it again and gets its acknowledgement.

    Raises:
        Refused: The worker is not registered, or for another queue or build.
    """
    records.lock(tx, namespace, request.worker_id)
    worker = workers.registered(tx, namespace, request)
    stored = [task for task in request.held if task.kind != "query"]
    # Of two attempts of one task it is told once. In order: the same request has the same answer.
    dropped = dict.fromkeys(leases.renew(tx, worker, stored, settings))
    kept = {task.task_id for task in stored} - dropped.keys()
    leases.release(tx, worker.holder, settings, kept=kept)
    due_at = tx.now + workers.patience(worker.heartbeat_interval, settings)
    records.stream_opened(tx, worker, due_at)
    tx.notify(DueAt(due_at))
    workers.warn_of_shared_id(tx, worker)
    reported = {
        task.task_id for task in stored if task.task_id in dropped and is_reported(tx, worker, task)
    }
    return Opened(
        worker=worker,
        dropped=[task_id for task_id in dropped if task_id not in reported],
        shares_id=workers.shares_id(workers.others(tx, worker)),
    )


def end_stream(tx: Tx, worker: Worker, settings: ServiceSettings) -> None:
    """Note that a stream ended without a goodbye: its worker is missed if it does not come back."""
    current = records.find(tx, worker.namespace, worker.worker_id, worker.session)
    if current is None:
        if worker.session not in records.deregistered(tx, worker.namespace, worker.worker_id):
            leases.release(tx, worker.holder, settings)
        return  # the leases of one that an operator took out run to their end
    due_at = tx.now + seconds(settings.stream_grace_seconds)
    records.stream_ended(tx, current, due_at, returns=True)
    tx.notify(DueAt(due_at))
    sessions.offer_kept(tx, current)


def say_goodbye(tx: Tx, worker: Worker, settings: ServiceSettings) -> None:
    """Free at once what a worker holds that will report nothing more. It stays registered."""
    freed = leases.release(tx, worker.holder, settings)
    current = records.find(tx, worker.namespace, worker.worker_id, worker.session)
    if current is not None:
        due_at = tx.now + workers.patience(current.heartbeat_interval, settings)
        records.stream_ended(tx, current, due_at, returns=False)
        tx.notify(DueAt(due_at))
        sessions.offer_kept(tx, current)
    text = "worker %s of %s ended its stream, leases freed: %d"
    tx.say(logging.INFO, text, worker.worker_id, worker.namespace, freed)


def note_alive(
    tx: Tx, heard: Iterable[tuple[Worker, SignOfLife]], settings: ServiceSettings
) -> None:
    """Note that workers with a stream are alive, and what they say of themselves."""
    records.heartbeats(
        tx,
        [
            records.Heartbeat(
                worker,
                tx.now + workers.patience(worker.heartbeat_interval, settings),
                workers.clamped(sign.task_slots, worker),
                sign.process_metrics,
                worker.heartbeat_interval,
            )
            for worker, sign in heard
        ],
    )


def await_streams(tx: Tx, settings: ServiceSettings) -> None:
    """The server can be reached: workers that had a stream have the grace to come back."""
    due_at = tx.now + seconds(settings.stream_grace_seconds)
    records.await_streams(tx, due_at)
    tx.notify(DueAt(due_at))


def find(read: Read, namespace: str, worker_id: str, session: str) -> Worker | None:
    """What is known of a session now; None where it is not registered any more."""
    worker = records.find(read, namespace, worker_id, session)
    return worker if worker is not None and worker.session == session else None


def is_reported(read: Read, worker: Worker, task: HeldTask) -> bool:
    """Whether an attempt of a task has ended with this session's own report."""
    namespace, worker_id = worker.namespace, worker.worker_id
    if task.kind == "workflow" and isinstance(task.attempt, int):
        return runs.is_reported(
            read, namespace, task.task_id, worker_id, worker.session, task.attempt
        )
    if task.kind == "activity" and isinstance(task.attempt, str):
        return activities.is_reported(read, namespace, task.task_id, task.attempt, worker_id)
    return False
