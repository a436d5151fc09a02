"""In which order streams that have credits are served, where something waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from durable_workflow.server.dispatch.streams import Stream
from durable_workflow.server.notices import TaskKind

# A stream, and a kind of tasks that it looks for.
Wanted: TypeAlias = tuple[Stream, TaskKind]


def next_served(wanted: Sequence[Wanted], most: int, turn: int) -> tuple[TaskKind, list[Stream]]:
    """Those that are served next, in order, as far as they look for the same tasks.

    A stream is named as often as it gets a task. Who has the smallest share of used slots comes
    first, then who was served longest ago; what the ones before get is counted.

    Args:
        wanted: At least one, each with a credit.
        most: So many turns at most.
        turn: The number of the last turn.
    """
    credits = [stream.credits(kind) for stream, kind in wanted]
    given = [0] * len(wanted)
    turns: dict[int, int] = {}

    def rank(at: int) -> tuple[float, int]:
        stream, kind = wanted[at]
        return stream.rank(kind, given[at], turns.get(at))

    first, first_kind = min(wanted, key=lambda each: each[0].rank(each[1]))
    found: list[Stream] = []
    while len(found) < most:
        left = [at for at, credit in enumerate(credits) if credit > given[at]]
        best = min(left, key=rank, default=None)
        if best is None:
            break
        stream, kind = wanted[best]
        if kind != first_kind or not _look_for_the_same(stream, first, kind):
            break
        given[best] += 1
        turns[best] = turn + len(found) + 1
        found.append(stream)
    return first_kind, found


def _look_for_the_same(one: Stream, other: Stream, kind: TaskKind) -> bool:
    return one is other or (
        one.keys[kind] == other.keys[kind] and one.profiles[kind] == other.profiles[kind]
    )
