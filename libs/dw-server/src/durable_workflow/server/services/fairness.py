"""Which ready task of a queue is given out next: by priority, then by fairness class, then by age.

Within the lowest priority the class is chosen that was given least of late for its weight
(control-plane 4.2). What a class was given is counted in the store, in the unit that claims: so
polls, streams and claims of tasks that never waited are one account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.records import fairness as records
from durable_workflow.server.records.fairness import QueueKey, ReadyClass
from durable_workflow.server.store.protocol import Read, Tx

T = TypeVar("T")

# So many classes are compared; where there are more, each search goes on behind the last one's.
_COMPARED: Final = 100
# Sorts behind a class, and before every longer name that begins like it.
_BEHIND: Final = " "


def choose(
    tx: Tx, key: QueueKey, fair: FairQueues, take: Callable[[ReadyClass, bool], T | None]
) -> T | None:
    """Take the task that is next.

    Args:
        take: Takes the oldest task of a class that the worker may have; None where there is none.
            Where it is told that the class is the only one, those behind it are next too.
    """
    priority = -1
    while (first := records.first(tx, key, above=priority)) is not None:
        lowest, is_alone = first
        windows = [[lowest]] if is_alone else _windows(tx, key, fair, above=priority)
        for classes in windows:
            for each in sorted(classes, key=lambda each: each.rank(tx.now)):
                found = take(each, is_alone)
                if found is not None:
                    if len(classes) == _COMPARED:
                        fair.move_place(key, each.name)
                    return found
        priority = lowest.priority
    return None


def count(tx: Tx, key: QueueKey, fairness_key: str | None, fair: FairQueues) -> None:
    """Count a task that is given out. Runs without a key count only where others have one."""
    if fairness_key is None:
        counted = fair.are_counted(key)
        if counted is None:
            counted = records.are_counted(tx, key)
            fair.note_counted(key, counted=counted)
        if not counted:
            return
    else:
        fair.note_counted(key, counted=True)
    records.count(tx, key, fairness_key or "")


def _windows(
    read: Read, key: QueueKey, fair: FairQueues, *, above: int
) -> Iterator[list[ReadyClass]]:
    """The classes of the lowest priority, in one window, or in several where they are many."""

    def window(first: str) -> list[ReadyClass]:
        return records.ready(read, key, above=above, first=first, most=_COMPARED)

    found = window("")
    if len(found) < _COMPARED:
        yield found
        return
    begins = fair.place(key) + _BEHIND
    first = begins
    while found := window(first):
        yield found
        if len(found) < _COMPARED:
            break
        first = found[-1].name + _BEHIND
    first = ""
    while found := [each for each in window(first) if each.name < begins]:
        yield found
        first = found[-1].name + _BEHIND
