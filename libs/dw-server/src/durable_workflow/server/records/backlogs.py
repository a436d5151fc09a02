"""How many tasks wait in the queues of a namespace, and how many workers have.

A backlog may be millions of tasks: these statements are for `Store.read_apart`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from durable_workflow.server.records.queues import TaskKind
from durable_workflow.server.store.protocol import Read

_WAITING: Final[dict[TaskKind, str]] = {
    "workflow": "waiting_workflow_tasks",
    "activity": "waiting_activity_tasks",
}
_LEASED: Final[dict[TaskKind, str]] = {
    "workflow": "count_leased_workflow_tasks",
    "activity": "count_leased_activity_tasks",
}


class QueueCounts(msgspec.Struct, frozen=True):
    """The waiting tasks of one kind in a queue.

    Attributes:
        ready: Could be taken now.
        delayed: Rest before their next attempt.
        oldest: Since when the oldest of the ready ones is ready.
    """

    task_queue: str
    ready: int
    delayed: int
    oldest: int | None


def waiting(read: Read, namespace: str, kind: TaskKind) -> list[QueueCounts]:
    """The tasks of one kind that wait, by queue."""
    found = read.all(_WAITING[kind], namespace=namespace, now=read.now)
    return [QueueCounts(*row) for row in found]


def leases(read: Read, namespace: str, kind: TaskKind) -> int:
    """How many tasks of one kind workers have."""
    return _count(read, _LEASED[kind], namespace=namespace)


def set_aside(read: Read) -> int:
    """How many items that fell due could not be handled."""
    return _count(read, "count_set_aside", now=read.now)


def namespaces(read: Read, most: int) -> tuple[int, list[str]]:
    """How many namespaces are served, and the names of the `most` oldest ones."""
    names = [row[0] for row in read.all("oldest_namespaces", most=most)]
    return _count(read, "count_namespaces"), names


def _count(read: Read, statement: str, **params: int | str) -> int:
    row = read.one(statement, **params)
    assert row is not None
    return int(row[0])
