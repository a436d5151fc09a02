"""What waits in the queues of all namespaces."""

from __future__ import annotations

import heapq
from typing import Final

import msgspec

from durable_workflow.server.records import backlogs as records
from durable_workflow.server.records import due
from durable_workflow.server.records.queues import TaskKind
from durable_workflow.server.store.protocol import Read

KINDS: Final[tuple[TaskKind, ...]] = ("workflow", "activity")
# Namespaces that are counted, the oldest ones: callers can make as many as they like.
MOST_NAMESPACES: Final = 50
# Queues that have series of their own, the deepest: callers can name as many as they like.
MOST_QUEUES: Final = 200
_SECOND: Final = 1_000_000


class QueueKey(msgspec.Struct, frozen=True):
    """The tasks of one kind in a queue; the queue is empty for all that have no series."""

    namespace: str
    task_queue: str
    kind: TaskKind


class Waiting(msgspec.Struct):
    """The tasks that wait in a queue; the age is that of the oldest ready one, in seconds."""

    ready: int = 0
    delayed: int = 0
    oldest_seconds: float = 0.0

    def add(self, ready: int, delayed: int, oldest_seconds: float) -> None:
        """Count more of them."""
        self.ready += ready
        self.delayed += delayed
        self.oldest_seconds = max(self.oldest_seconds, oldest_seconds)


class Backlogs:
    """What waits in all namespaces, read in parts that each are of one moment.

    Attributes:
        queues: The tasks that wait.
        leases: The tasks that workers have, by namespace and kind.
        namespaces: How many there are.
        named: Those that are counted.
        set_aside: Items that fell due and could not be handled.
        late_seconds: How late the work is that should have been done first.
    """

    def __init__(self, read: Read) -> None:
        self.queues: dict[QueueKey, Waiting] = {}
        self.leases: dict[tuple[str, TaskKind], int] = {}
        self.namespaces, self.named = records.namespaces(read, MOST_NAMESPACES)
        self.set_aside = records.set_aside(read)
        self.late_seconds = _seconds_since(due.times(read).first(), read.now)

    def count(self, read: Read, namespace: str) -> None:
        """Count the tasks of a namespace."""
        for kind in KINDS:
            self.leases[namespace, kind] = records.leases(read, namespace, kind)
            for each in records.waiting(read, namespace, kind):
                oldest = _seconds_since(each.oldest, read.now)
                key = QueueKey(namespace, each.task_queue, kind)
                self.queues[key] = Waiting(each.ready, each.delayed, oldest)


def with_series(queues: dict[QueueKey, Waiting], known: set[QueueKey]) -> dict[QueueKey, Waiting]:
    """The queues that have series, and the sums of all others; `known` ones stay while empty.

    Args:
        known: Those that had series before; it is brought up to date.
    """
    deepest = heapq.nlargest(MOST_QUEUES, queues, key=lambda key: queues[key].ready)
    room = MOST_QUEUES - len(deepest)
    empty = sorted(known - queues.keys(), key=_names)[:room]
    known.clear()
    known.update(deepest, empty)
    shown = {key: queues.get(key, Waiting()) for key in sorted(known, key=_names)}
    for key in queues:
        if key in known:
            continue
        rest = shown.setdefault(QueueKey(key.namespace, "", key.kind), Waiting())
        waiting = queues[key]
        rest.add(waiting.ready, waiting.delayed, waiting.oldest_seconds)
    return shown


def _names(key: QueueKey) -> tuple[str, str, str]:
    return key.namespace, key.task_queue, key.kind


def _seconds_since(at: int | None, now: int) -> float:
    return 0.0 if at is None else max(now - at, 0) / _SECOND
