"""What is shown of a task queue: its backlog, its leases, its workers, and if it takes more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.times import SECOND, precise
from durable_workflow.server.records import admission as admission_records
from durable_workflow.server.records import queues
from durable_workflow.server.records import workers as worker_records
from durable_workflow.server.records.fairness import QueueKey
from durable_workflow.server.records.queues import LeasedTask, TaskCounts, TaskKind, WaitingTask
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import admission
from durable_workflow.server.views.workers import ACTIVE, status, warnings

_KINDS: Final[tuple[TaskKind, ...]] = ("workflow", "activity")

# A ready task that nobody has taken for so long is worth a look.
REDISPATCH_AFTER_SECONDS: Final = 3
_MOST_LEASES = 50


def names(read: Read, namespace: str) -> list[str]:
    """The queues that have a registered worker or an open task, by name."""
    return queues.names(read, namespace)


def list_all(
    read: Read, namespace: str, pending_queries: Mapping[str, int], settings: ServiceSettings
) -> JsonObject:
    """These task queues of a namespace, without their workers and leases (10.1).

    Args:
        pending_queries: Of each queue, the queries that wait for its workers.
    """
    shown = [
        _summary(
            read,
            namespace,
            name,
            settings,
            worker_records.of_queue(read, namespace, name),
            pending_queries=pending,
        )
        for name, pending in pending_queries.items()
    ]
    return {"namespace": namespace, "task_queues": shown}


def describe(
    read: Read, namespace: str, name: str, settings: ServiceSettings, *, pending_queries: int
) -> JsonObject:
    """One task queue (control-plane 10.2). A name that nobody uses is a queue with nothing in it.

    Args:
        pending_queries: Queries that wait for workers of the queue; they are in memory alone.
    """
    known = worker_records.of_queue(read, namespace, name)
    shared = worker_records.shared_ids(known, read.now, settings)
    summary = _summary(read, namespace, name, settings, known, pending_queries=pending_queries)
    return {
        **summary,
        "pollers": [
            poller(worker, read.now, settings) | warnings(worker, shared) for worker in known
        ],
        "current_leases": _leases(read, namespace, name),
    }


def _summary(
    read: Read,
    namespace: str,
    name: str,
    settings: ServiceSettings,
    known: list[Worker],
    *,
    pending_queries: int,
) -> JsonObject:
    live = [worker for worker in known if worker.is_live(read.now, settings)]
    active = [worker for worker in live if status(worker, read.now, settings) == ACTIVE]
    overdue = read.now - REDISPATCH_AFTER_SECONDS * SECOND
    tasks: dict[TaskKind, TaskCounts] = {
        kind: queues.counts(read, namespace, name, kind, overdue=overdue) for kind in _KINDS
    }
    return {
        "name": name,
        "namespace": namespace,
        "stats": {
            **_backlog(read, namespace, name, tasks),
            "workflow_tasks": _shown_counts(tasks["workflow"]),
            "activity_tasks": _shown_counts(tasks["activity"]),
            "pollers": {
                "active_count": len(live),
                "stale_count": len(known) - len(live),
                "stale_after_seconds": stale_after_seconds(settings),
            },
        },
        "repair": _repair(tasks),
        "admission": {
            "workflow_tasks": _admission(
                read,
                QueueKey("workflow", namespace, name),
                [worker.max_workflow_tasks for worker in active],
                tasks["workflow"],
                settings,
            ),
            "activity_tasks": _admission(
                read,
                QueueKey("activity", namespace, name),
                [worker.max_activity_tasks for worker in active],
                tasks["activity"],
                settings,
            ),
            "query_tasks": admission.of_queries(
                pending_queries, settings.query_max_pending_per_queue
            ),
        },
    }


def _admission(
    read: Read, key: QueueKey, slots: list[int], counts: TaskCounts, settings: ServiceSettings
) -> JsonObject:
    budget = settings.admission.budget(key.kind, key.namespace, key.task_queue)
    dispatched = admission_records.dispatched(read, key, budget)
    return admission.of_tasks(key, slots, counts, settings.admission, dispatched)


def poller(worker: Worker, now: int, settings: ServiceSettings) -> JsonObject:
    """One worker of a queue. Polls count as heartbeats: what is shown is its last sign of life."""
    live = worker.is_live(now, settings)
    return {
        "worker_id": worker.worker_id,
        "runtime": worker.runtime,
        "sdk_version": worker.sdk_version,
        "build_id": worker.build_id,
        "last_heartbeat_at": precise(worker.seen_at),
        "heartbeat_expires_at": precise(worker.stale_at(settings)),
        "status": status(worker, now, settings),
        "is_stale": not live,
        "supported_workflow_types": worker.workflow_types,
        "supported_activity_types": worker.activity_types,
        "max_concurrent_workflow_tasks": worker.max_workflow_tasks,
        "max_concurrent_activity_tasks": worker.max_activity_tasks,
    }


def stale_after_seconds(settings: ServiceSettings) -> int:
    """How long a worker may be silent that has not asked for another cadence."""
    return settings.stale_after(settings.heartbeat_interval_seconds)


def is_overdue(available_at: int, now: int) -> bool:
    """Whether a ready task should have been taken by now."""
    return available_at <= now - REDISPATCH_AFTER_SECONDS * SECOND


def age(seconds: int) -> str:
    """An age as people write it: ``45s``, ``2m05s``, ``1h02m03s``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m{rest:02}s"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def _shown_counts(counts: TaskCounts) -> JsonObject:
    return {
        "ready_count": counts.ready,
        "leased_count": counts.leased,
        "expired_lease_count": counts.expired,
    }


def _backlog(
    read: Read, namespace: str, name: str, tasks: dict[TaskKind, TaskCounts]
) -> JsonObject:
    waiting: list[tuple[int, str, TaskKind, WaitingTask]] = []
    for kind in _KINDS:
        found = queues.oldest(read, namespace, name, kind) if tasks[kind].ready else None
        if found is not None:
            waiting.append((found.available_at, found.task_id, kind, found))
    oldest: JsonObject | None = None
    seconds: int | None = None
    if waiting:
        _, _, kind, first = min(waiting, key=lambda each: each[:2])
        seconds = (read.now - first.available_at) // SECOND
        oldest = {
            "task_id": first.task_id,
            "task_type": kind,
            "workflow_id": first.workflow_id,
            "run_id": first.run_id,
            "available_at": precise(first.available_at),
            "age_seconds": seconds,
        }
    return {
        "approximate_backlog_count": sum(counts.ready for counts in tasks.values()),
        "approximate_backlog_age": None if seconds is None else age(seconds),
        "approximate_backlog_age_seconds": seconds,
        "oldest_ready_task": oldest,
    }


def _repair(tasks: dict[TaskKind, TaskCounts]) -> JsonObject:
    expired = sum(counts.expired for counts in tasks.values())
    overdue = sum(counts.overdue for counts in tasks.values())
    return {
        "candidates": expired + overdue,
        # To be ready is to be dispatched: there is no broker in between that could lose a task.
        "dispatch_failed": 0,
        "expired_leases": expired,
        "dispatch_overdue": overdue,
        "needs_attention": expired + overdue > 0,
        "policy": {"redispatch_after_seconds": REDISPATCH_AFTER_SECONDS},
    }


def _leases(read: Read, namespace: str, name: str) -> list[JsonObject]:
    found: list[tuple[int, JsonObject]] = []
    for lease in queues.leased(read, namespace, name, "workflow", _MOST_LEASES):
        shown = _lease("workflow", lease, read.now)
        found.append((lease.lease_expires_at, shown | {"workflow_task_attempt": lease.attempt}))
    for lease in queues.leased(read, namespace, name, "activity", _MOST_LEASES):
        shown = _lease("activity", lease, read.now)
        shown |= {"activity_attempt_id": lease.attempt_id, "attempt_number": lease.attempt}
        found.append((lease.lease_expires_at, shown))
    found.sort(key=lambda each: each[0])
    return [shown for _, shown in found[:_MOST_LEASES]]


def _lease(kind: TaskKind, lease: LeasedTask, now: int) -> JsonObject:
    return {
        "task_id": lease.task_id,
        "task_type": kind,
        "workflow_id": lease.workflow_id,
        "run_id": lease.run_id,
        "lease_owner": lease.lease_owner,
        "lease_expires_at": precise(lease.lease_expires_at),
        "is_expired": lease.lease_expires_at <= now,
    }
