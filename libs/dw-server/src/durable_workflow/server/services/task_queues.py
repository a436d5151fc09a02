"""What is shown of a task queue: its backlog, its leases, its workers, and if it takes more."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from durable_workflow.server.engine.state import JsonObject
from durable_workflow.server.engine.times import SECOND, precise
from durable_workflow.server.services import admission, workers
from durable_workflow.server.services.admission import TaskCounts
from durable_workflow.server.services.rows import Params
from durable_workflow.server.services.settings import ServiceSettings
from durable_workflow.server.services.workers import Worker
from durable_workflow.server.store.protocol import Read

TaskKind: TypeAlias = Literal["workflow", "activity"]

_KINDS: Final[tuple[TaskKind, ...]] = ("workflow", "activity")

# A ready task that nobody has taken for so long is worth a look.
REDISPATCH_AFTER_SECONDS: Final = 3
_MOST_LEASES = 50


def describe(
    read: Read, namespace: str, name: str, settings: ServiceSettings, *, pending_queries: int
) -> JsonObject:
    """One task queue (control-plane 10.2). A name that nobody uses is a queue with nothing in it.

    Args:
        pending_queries: Queries that wait for workers of the queue; they are in memory alone.
    """
    known = workers.of_queue(read, namespace, name)
    active = [worker for worker in known if worker.is_live(read.now, settings)]
    shared = workers.shared_ids(active)
    tasks: dict[TaskKind, TaskCounts] = {
        kind: _counts(read, namespace, name, kind) for kind in _KINDS
    }
    return {
        "name": name,
        "namespace": namespace,
        "stats": {
            **_backlog(read, namespace, name, tasks),
            "workflow_tasks": _shown_counts(tasks["workflow"]),
            "activity_tasks": _shown_counts(tasks["activity"]),
            "pollers": {
                "active_count": len(active),
                "stale_count": len(known) - len(active),
                "stale_after_seconds": stale_after_seconds(settings),
            },
        },
        "repair": _repair(tasks),
        "pollers": [
            poller(worker, read.now, settings) | _warnings(worker, shared) for worker in known
        ],
        "current_leases": _leases(read, namespace, name),
        "admission": {
            "workflow_tasks": admission.of_tasks(
                "workflow_tasks",
                [worker.max_workflow_tasks for worker in active],
                tasks["workflow"],
            ),
            "activity_tasks": admission.of_tasks(
                "activity_tasks",
                [worker.max_activity_tasks for worker in active],
                tasks["activity"],
            ),
            "query_tasks": admission.of_queries(
                pending_queries, settings.query_max_pending_per_queue
            ),
        },
    }


def poller(worker: Worker, now: int, settings: ServiceSettings) -> JsonObject:
    """One worker of a queue. Polls count as heartbeats: what is shown is its last sign of life."""
    live = worker.is_live(now, settings)
    patience = worker.heartbeat_interval * settings.missed_heartbeats * SECOND
    return {
        "worker_id": worker.worker_id,
        "runtime": worker.runtime,
        "sdk_version": worker.sdk_version,
        "build_id": worker.build_id,
        "last_heartbeat_at": precise(worker.seen_at),
        "heartbeat_expires_at": precise(worker.seen_at + patience),
        "status": "active" if live else "stale",
        "is_stale": not live,
        "supported_workflow_types": worker.workflow_types,
        "supported_activity_types": worker.activity_types,
        "max_concurrent_workflow_tasks": worker.max_workflow_tasks,
        "max_concurrent_activity_tasks": worker.max_activity_tasks,
    }


def _warnings(worker: Worker, shared: set[str]) -> JsonObject:
    return {"warnings": [workers.SHARED_ID]} if worker.worker_id in shared else {}


def stale_after_seconds(settings: ServiceSettings) -> int:
    """How long a worker may be silent that has not asked for another cadence."""
    return settings.heartbeat_interval_seconds * settings.missed_heartbeats


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


def _counts(read: Read, namespace: str, name: str, kind: TaskKind) -> TaskCounts:
    ready_in, leased_in = _COUNTED[kind]
    where: Params = {"namespace": namespace, "task_queue": name, "now": read.now}
    overdue = read.now - REDISPATCH_AFTER_SECONDS * SECOND
    ready = read.one(ready_in, **where, overdue=overdue)
    leased = read.one(leased_in, **where)
    assert ready is not None
    assert leased is not None
    return TaskCounts(
        ready=ready[0],
        overdue=ready[1],
        leased=leased[0],
        expired=leased[1],
        leased_in_namespace=leased[2],
    )


def _shown_counts(counts: TaskCounts) -> JsonObject:
    return {
        "ready_count": counts.ready,
        "leased_count": counts.leased,
        "expired_lease_count": counts.expired,
    }


def _backlog(
    read: Read, namespace: str, name: str, tasks: dict[TaskKind, TaskCounts]
) -> JsonObject:
    where: Params = {"namespace": namespace, "task_queue": name, "now": read.now}
    waiting: list[tuple[int, str, TaskKind, str, str]] = []
    for kind, statement in _OLDEST.items():
        if tasks[kind].ready:
            row = read.one(statement, **where)
            assert row is not None
            task_id, workflow_id, run_id, available_at = row
            waiting.append((available_at, task_id, kind, workflow_id, run_id))
    oldest: JsonObject | None = None
    seconds: int | None = None
    if waiting:
        available_at, task_id, kind, workflow_id, run_id = min(waiting)
        seconds = (read.now - available_at) // SECOND
        oldest = {
            "task_id": task_id,
            "task_type": kind,
            "workflow_id": workflow_id,
            "run_id": run_id,
            "available_at": precise(available_at),
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
    where: Params = {"namespace": namespace, "task_queue": name, "most": _MOST_LEASES}
    found: list[tuple[int, JsonObject]] = []
    for row in read.all("workflow_task_leases", **where):
        *lease, attempt = row
        shown = _lease("workflow", lease, read.now)
        found.append((lease[4], shown | {"workflow_task_attempt": attempt}))
    for row in read.all("activity_task_leases", **where):
        *lease, attempt_id, number = row
        shown = _lease("activity", lease, read.now)
        shown |= {"activity_attempt_id": attempt_id, "attempt_number": number}
        found.append((lease[4], shown))
    found.sort(key=lambda each: each[0])
    return [shown for _, shown in found[:_MOST_LEASES]]


def _lease(kind: TaskKind, lease: list[Any], now: int) -> JsonObject:
    task_id, workflow_id, run_id, owner, expires_at = lease
    return {
        "task_id": task_id,
        "task_type": kind,
        "workflow_id": workflow_id,
        "run_id": run_id,
        "lease_owner": owner,
        "lease_expires_at": precise(expires_at),
        "is_expired": expires_at <= now,
    }


_COUNTED: Final[dict[TaskKind, tuple[str, str]]] = {
    "workflow": ("ready_workflow_tasks", "leased_workflow_tasks"),
    "activity": ("ready_activity_tasks", "leased_activity_tasks"),
}
_OLDEST: Final[dict[TaskKind, str]] = {
    "workflow": "oldest_ready_workflow_task",
    "activity": "oldest_ready_activity_task",
}
