"""Fairness classes of a queue: which have ready tasks, and what each was given of late."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from durable_workflow.server.records.queues import TaskKind
from durable_workflow.server.store.protocol import Read, Tx

# What a class was given counts half after so many microseconds.
_HALF_LIFE: Final = 30_000_000
# After so many half-lives nothing is left of it that could make a difference.
_FORGOTTEN: Final = 20
_FIRST: Final[dict[TaskKind, str]] = {
    "workflow": "first_workflow_class",
    "activity": "first_activity_class",
}
_READY: Final[dict[TaskKind, str]] = {
    "workflow": "ready_workflow_classes",
    "activity": "ready_activity_classes",
}


class QueueKey(msgspec.Struct, frozen=True):
    """One kind of tasks of a queue."""

    kind: TaskKind
    namespace: str
    task_queue: str


class ReadyClass(msgspec.Struct, frozen=True):
    """A fairness class that has ready tasks. Times are microseconds.

    Attributes:
        priority: Of these tasks; a class may have others.
        name: The fairness key of its runs; '' for those without one.
        weight: Of its first task.
        available_at: Of its first task.
        task_id: Its first task.
        dispatched: How many tasks it was given, halved every 30 s until `counted_at`.
    """

    priority: int
    name: str
    weight: int
    available_at: int
    task_id: str
    dispatched: float
    counted_at: int

    def rank(self, now: int) -> tuple[float, int, str]:
        """Who has the smallest is served next: what it was given by its weight, then its age."""
        given = _decayed(self.dispatched, self.counted_at, now)
        return given / self.weight, self.available_at, self.task_id


def first(read: Read, key: QueueKey, *, above: int) -> tuple[ReadyClass, bool] | None:
    """The first class of the lowest priority above a number, and whether it is the only one.

    Most queues have one. To find that out costs a fifth of what a comparison of classes does, so
    what the class was given is left out: it is 0.
    """
    found = read.one(
        _FIRST[key.kind], namespace=key.namespace, task_queue=key.task_queue, above=above
    )
    if found is None:
        return None
    priority, name, weight, available_at, task_id, last = found
    lowest = ReadyClass(priority, name, weight, available_at, task_id, dispatched=0.0, counted_at=0)
    return lowest, name == last


def ready(read: Read, key: QueueKey, *, above: int, first: str, most: int) -> list[ReadyClass]:
    """Classes that have ready tasks, of the lowest priority above a number, by name from `first`.

    Args:
        most: Of so many at most.
    """
    found = read.all(
        _READY[key.kind],
        namespace=key.namespace,
        task_queue=key.task_queue,
        above=above,
        first=first,
        most=most,
    )
    return [ReadyClass(*row) for row in found]


def are_counted(read: Read, key: QueueKey) -> bool:
    """Whether classes of a queue are counted: only where runs have had keys of late."""
    return read.one("has_fair_shares", **msgspec.structs.asdict(key)) is not None


def count(tx: Tx, key: QueueKey, name: str) -> None:
    """Count one more task that a class was given."""
    named = msgspec.structs.asdict(key)
    row = tx.one("fair_share", **named, **{"class": name})
    if row is None:
        before = tx.now - _FORGOTTEN * _HALF_LIFE
        tx.do("forget_fair_shares", **named, before=before)
    given = 0.0 if row is None else _decayed(row[0], row[1], tx.now)
    tx.do("put_fair_share", **named, **{"class": name}, dispatched=given + 1, counted_at=tx.now)


def _decayed(dispatched: float, counted_at: int, now: int) -> float:
    return dispatched * math.exp2(-max(0, now - counted_at) / _HALF_LIFE)
