"""The tasks of a queue: how many wait, which has waited longest, which are leased to whom."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from durable_workflow.server.records.columns import Params
from durable_workflow.server.store.protocol import Read

TaskKind: TypeAlias = Literal["workflow", "activity"]


class TaskCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks of one kind in a queue.

    Attributes:
        ready: Could be taken now; a task that rests before its next attempt is not among them.
        overdue: Of these, ready for longer than a worker should need to take it.
        expired: Of the leased, with a lease that ran out and that was not freed yet.
        leased_in_namespace: Leased, whatever their queue.
    """

    ready: int
    overdue: int
    leased: int
    expired: int
    leased_in_namespace: int


class WaitingTask(msgspec.Struct, frozen=True):
    """A ready task."""

    task_id: str
    workflow_id: str
    run_id: str
    available_at: int


class LeasedTask(msgspec.Struct, frozen=True):
    """A task that a worker holds."""

    task_id: str
    workflow_id: str
    run_id: str
    lease_owner: str
    lease_expires_at: int
    attempt: int
    attempt_id: str | None = None


def names(read: Read, namespace: str) -> list[str]:
    """The queues that have a registered worker or an open task, by name."""
    return [row[0] for row in read.all("task_queues_of_namespace", namespace=namespace)]


def counts(
    read: Read, namespace: str, task_queue: str, kind: TaskKind, *, overdue: int
) -> TaskCounts:
    """The tasks of one kind in a queue; those that were ready by `overdue` are overdue."""
    ready_in, leased_in = _COUNTED[kind]
    where: Params = {"namespace": namespace, "task_queue": task_queue, "now": read.now}
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


def leases(read: Read, namespace: str, task_queue: str, kind: TaskKind) -> tuple[int, int]:
    """How many tasks of one kind are leased: in a queue, and in the namespace."""
    leased = read.one(_COUNTED[kind][1], namespace=namespace, task_queue=task_queue, now=read.now)
    assert leased is not None
    return leased[0], leased[2]


def oldest(read: Read, namespace: str, task_queue: str, kind: TaskKind) -> WaitingTask | None:
    """The ready task of a queue that has waited longest."""
    row = read.one(_OLDEST[kind], namespace=namespace, task_queue=task_queue, now=read.now)
    return None if row is None else WaitingTask(*row)


def leased(
    read: Read, namespace: str, task_queue: str, kind: TaskKind, most: int
) -> list[LeasedTask]:
    """The leased tasks of a queue, those whose lease ends first first."""
    found = read.all(_LEASED[kind], namespace=namespace, task_queue=task_queue, most=most)
    return [LeasedTask(*row) for row in found]


_COUNTED: Final[dict[TaskKind, tuple[str, str]]] = {
    "workflow": ("ready_workflow_tasks", "leased_workflow_tasks"),
    "activity": ("ready_activity_tasks", "leased_activity_tasks"),
}
_OLDEST: Final[dict[TaskKind, str]] = {
    "workflow": "oldest_ready_workflow_task",
    "activity": "oldest_ready_activity_task",
}
_LEASED: Final[dict[TaskKind, str]] = {
    "workflow": "workflow_task_leases",
    "activity": "activity_task_leases",
}
