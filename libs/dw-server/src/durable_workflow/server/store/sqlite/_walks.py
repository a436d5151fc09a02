"""Walks along an index in search of runs, a slice at a time.

In the part of an index that belongs to one value the runs are in the order of lists, so a walk that
has filled a page is done. In the order of values a walk has to go to its end, and keeps the first
of what it finds. Whatever else is asked is tested on each run of the way.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Final, TypeAlias, cast

import msgspec

from durable_workflow.server.filters.tree import (
    Among,
    Condition,
    Range,
    is_single,
)
from durable_workflow.server.filters.tree import Value as Literal
from durable_workflow.server.store.protocol import Row, Value
from durable_workflow.server.store.search import RunKey, RunSearch
from durable_workflow.server.store.sqlite._conditions import (
    Conditions,
    Parameters,
    is_system,
)

# The runs of a way's first slice.
TRIAL: Final = 128
# After so many slices a way is tried again, one after the other.
_TRIED_AGAIN: Final = 8
_NEWEST: Final = "ORDER BY started_at DESC, run_id DESC"

Select: TypeAlias = Callable[[str, dict[str, Value]], list[Row]]


class Part(msgspec.Struct, frozen=True):
    """A part of an index: the rows that have fixed values in its first columns."""

    source: str
    fixed: tuple[tuple[str, Literal], ...] = ()


class Way(msgspec.Struct, frozen=True):
    """Runs in the order of lists, and what is to be tested on each of them.

    Attributes:
        parts: The parts of indexes that hold them, to be merged.
    """

    parts: list[Part]
    tested: list[Condition]


class Walk:
    """A walk through the runs of a namespace in the order of lists, on the best of several ways.

    All ways lead to the same runs in the same order, so what was found up to a place on one of them
    is found for all, and each slice may take another. The way that has come furthest back in time
    for its cost goes on; from time to time another is tried again.

    Args:
        search: What is looked for.
        ways: The ways, at least one.
    """

    def __init__(self, search: RunSearch, ways: list[Way]) -> None:
        self._search = search
        self._ways = ways
        self._at = search.after
        self._steps = 0
        # Microseconds of `started_at` that a second of work on each way has passed.
        self._speeds: dict[int, float] = {}
        self.found: list[RunKey] = []
        self.done = False

    def step(self, select: Select, length: int) -> None:
        """Go through the next `length` runs of a way; fewer where the way is on trial."""
        chosen = self._choose()
        way, trial = self._ways[chosen], chosen not in self._speeds
        began = time.perf_counter()
        last = _end_of(self._search, way, self._at, select, min(length, TRIAL) if trial else length)
        most = self._search.most - len(self.found)
        rows = _matches_of(self._search, way, self._at, last, select, most)
        took = time.perf_counter() - began
        self.found += [RunKey(*row) for row in rows]
        if self._at is not None and last is not None:
            self._speeds[chosen] = (self._at.started_at - last.started_at) / max(took, 1e-6)
        self._at = last
        self._steps += 1
        self.done = last is None or len(self.found) >= self._search.most

    def _choose(self) -> int:
        count = len(self._ways)
        if self._steps % _TRIED_AGAIN == 0:
            # Another stretch of time may suit another way.
            self._speeds.pop(self._steps // _TRIED_AGAIN % count, None)
        untried = [way for way in range(count) if way not in self._speeds]
        return untried[0] if untried else max(self._speeds, key=self._speeds.__getitem__)


def _end_of(
    search: RunSearch, way: Way, at: RunKey | None, select: Select, length: int
) -> RunKey | None:
    """The last run of a slice, or None where the way ends before."""
    parameters = Parameters()
    text = f"{_rows(search, way, at, None, parameters)} {_NEWEST} LIMIT 1 OFFSET {length - 1}"
    rows = select(text, parameters.values)
    return RunKey(*rows[0]) if rows else None


def _matches_of(
    search: RunSearch,
    way: Way,
    at: RunKey | None,
    last: RunKey | None,
    select: Select,
    most: int,
) -> list[Row]:
    parameters = Parameters()
    rows = _rows(search, way, at, last, parameters)
    tested = [part for part in way.tested if not _is_start_range(part)]
    text = _tested(rows, tested, parameters, search.namespace)
    return select(f"{text} {_NEWEST} LIMIT {most}", parameters.values)


def _rows(
    search: RunSearch, way: Way, at: RunKey | None, last: RunKey | None, parameters: Parameters
) -> str:
    low, high = _start_bounds(way.tested)
    limits: list[str] = []
    # Of two limits on one side one is said alone: SQLite would begin at either of them.
    if at is not None and (high is None or at.started_at <= high):
        limits.append(f"(started_at, run_id) < {_place(parameters, at)}")
    elif high is not None:
        limits.append(f"started_at <= {parameters.add(high)}")
    if last is not None:
        limits.append(f"(started_at, run_id) >= {_place(parameters, last)}")
    elif low is not None:
        limits.append(f"started_at >= {parameters.add(low)}")
    # UNION, not UNION ALL: a run with two of the values in its list is one run.
    return " UNION ".join(_select(part, parameters, search.namespace, limits) for part in way.parts)


def _tested(
    rows: str,
    tested: list[Condition],
    parameters: Parameters,
    namespace: str,
    *,
    after: RunKey | None = None,
    distinct: bool = False,
) -> str:
    """Those of `rows` that fit, and come after a run in the order of lists."""
    first = [] if after is None else [f"(k.started_at, k.run_id) < {_place(parameters, after)}"]
    conditions = Conditions(parameters, parameters.add(namespace))
    tests = [*first, *(conditions.write(part) for part in tested)]
    if not tests and not distinct:
        return rows
    run = " CROSS JOIN runs AS r ON r.run_id = k.run_id" if conditions.needs_run else ""
    details = " CROSS JOIN run_details AS d ON d.run_id = k.run_id"
    return (
        f"SELECT {'DISTINCT ' if distinct else ''}k.started_at AS started_at, k.run_id AS run_id"
        f" FROM ({rows}) AS k"
        f"{run}{details if conditions.needs_details else ''}"
        f"{' WHERE ' if tests else ''}{' AND '.join(tests)}"
    )


def _start_bounds(tested: list[Condition]) -> tuple[int | None, int | None]:
    """The earliest and the latest start that all conditions on it allow."""
    lows: list[int] = []
    highs: list[int] = []
    for part in tested:
        if not isinstance(part, Range) or not _is_start_range(part):
            continue
        if part.low is not None:
            lows.append(cast(int, part.low) + (not part.with_low))
        if part.high is not None:
            highs.append(cast(int, part.high) - (not part.with_high))
    return max(lows, default=None), min(highs, default=None)


class RangeWalk:
    """A way through the runs whose value lies in a range, in the order of the values.

    Args:
        part: The part of an index that holds them.
        order: Its columns after the fixed ones.
        within: The condition on the first of `order`; None where all of the part is meant.
        tested: What is still to be tested on each run.
    """

    def __init__(
        self,
        search: RunSearch,
        part: Part,
        order: tuple[str, ...],
        within: Among | Range | None,
        tested: list[Condition],
    ) -> None:
        self._search = search
        self._part = part
        self._order = order
        self._within = within
        # A run with two members of its list in the range is one run.
        self._may_repeat = within is not None and not is_single(within.field)
        self._tested = tested
        self._at: Row | None = None
        self._kept: set[RunKey] = set()
        self.done = False

    @property
    def found(self) -> list[RunKey]:
        """The runs that were found, in the order of lists."""
        return heapq.nlargest(self._search.most, self._kept)

    def step(self, select: Select, length: int) -> None:
        """Go through the next `length` runs of the way."""
        end = self._end(select, length)
        rows = self._matches(select, end)
        if not self._may_repeat and len(set(rows)) < len(rows):
            # A run had a list before its attribute was registered as a single value: what repeats
            # it must not fill the page.
            self._may_repeat = True
            rows = self._matches(select, end)
        self._kept.update(RunKey(*row) for row in rows)
        self._kept = set(self.found)
        self._at = end
        self.done = end is None

    def _end(self, select: Select, length: int) -> Row | None:
        parameters = Parameters()
        conditions = Conditions(parameters, "")
        columns = ", ".join(self._order)
        way = self._way(parameters, conditions, None, columns)
        text = f"{way} ORDER BY {columns} LIMIT 1 OFFSET {length - 1}"
        rows = select(text, parameters.values)
        return rows[0] if rows else None

    def _matches(self, select: Select, end: Row | None) -> list[Row]:
        parameters = Parameters()
        conditions = Conditions(parameters, "")
        rows = self._way(parameters, conditions, end, "started_at, run_id")
        namespace, after = self._search.namespace, self._search.after
        text = _tested(
            rows, self._tested, parameters, namespace, after=after, distinct=self._may_repeat
        )
        return select(f"{text} {_NEWEST} LIMIT {self._search.most}", parameters.values)

    def _way(
        self, parameters: Parameters, conditions: Conditions, end: Row | None, columns: str
    ) -> str:
        within = _between(self._within, self._at, end)
        # Indexes that hold no nulls are used only where it is said that there are none.
        limits = [f"{self._order[0]} IS NOT NULL"]
        if within is not None:
            limits.append(conditions.compared(self._order[0], within))
        order = ", ".join(self._order)
        for sign, place in ((">", self._at), ("<=", end)):
            if place is not None:
                given = ", ".join(parameters.add(value) for value in place)
                limits.append(f"({order}) {sign} ({given})")
        return _select(self._part, parameters, self._search.namespace, limits, columns)


class Several:
    """Walks of which each leads to a part of the runs: what they find together is the answer."""

    def __init__(self, search: RunSearch, walks: list[Walk | RangeWalk]) -> None:
        self._most = search.most
        self._walks = walks
        self.done = False

    @property
    def found(self) -> list[RunKey]:
        """The runs that were found, in the order of lists."""
        return heapq.nlargest(self._most, {key for walk in self._walks for key in walk.found})

    def step(self, select: Select, length: int) -> None:
        """Go on with the first walk that has not arrived."""
        walk = next(walk for walk in self._walks if not walk.done)
        walk.step(select, length)
        self.done = all(walk.done for walk in self._walks)


AnyWalk: TypeAlias = Walk | RangeWalk | Several


def _place(parameters: Parameters, key: RunKey) -> str:
    return f"({parameters.add(key.started_at)}, {parameters.add(key.run_id)})"


def _between(within: Among | Range | None, at: Row | None, end: Row | None) -> Among | Range | None:
    """What is left to say of a range between two places of it.

    Each place implies a bound. Said as well, SQLite would begin there, and not at the place.
    """
    if not isinstance(within, Range):
        return within
    low, high = within.low if at is None else None, within.high if end is None else None
    if low is None and high is None:
        return None
    return msgspec.structs.replace(within, low=low, high=high)


def _select(
    part: Part,
    parameters: Parameters,
    namespace: str,
    limits: list[str],
    columns: str = "started_at, run_id",
) -> str:
    fixed = [f"{column} = {parameters.add(value)}" for column, value in part.fixed]
    given = [f"namespace = {parameters.add(namespace)}", *fixed, *limits]
    return f"SELECT {columns} FROM {part.source} WHERE {' AND '.join(given)}"


def _is_start_range(condition: Condition) -> bool:
    return isinstance(condition, Range) and is_system(condition.field, "StartTime")
