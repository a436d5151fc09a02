"""Simulated time: the present moment, and what is due later."""

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


class Due:
    """Something that is done at a moment, unless it is cancelled before.

    Attributes:
        at: The moment.
        action: What is done.
        cancelled: It is not to be done any more.
    """

    def __init__(self, at: datetime, action: Callable[[], None]) -> None:
        self.at = at
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        """Take it off the agenda."""
        self.cancelled = True


class Agenda:
    """What is due, in order of time; what is due at one moment, in the order it was put there.

    Attributes:
        now: The present moment, aware.
    """

    def __init__(self, start: datetime) -> None:
        self.now = start
        self._order = itertools.count()
        self._heap: list[tuple[datetime, int, Due]] = []

    def after(self, seconds: float, action: Callable[[], None]) -> Due:
        """Put something on the agenda, `seconds` from now."""
        due = Due(later(self.now, seconds), action)
        heapq.heappush(self._heap, (due.at, next(self._order), due))
        return due

    @property
    def next_at(self) -> datetime | None:
        """When the first thing is due; None where nothing is."""
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def do_next(self) -> None:
        """Move to the first thing that is due, and do it. There must be one."""
        due = heapq.heappop(self._heap)[2]
        self.advance_to(due.at)
        if not due.cancelled:
            due.action()

    def advance_to(self, moment: datetime) -> None:
        """Move to a moment, unless it has passed."""
        self.now = max(self.now, moment)


def later(moment: datetime, seconds: float) -> datetime:
    """A moment so many seconds later; the last one that a `datetime` can hold at most."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return _LAST_MOMENT


def in_seconds(length: float | timedelta) -> float:
    """A length of time in seconds.

    Raises:
        ValueError: It is negative, or not a number.
    """
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if not seconds >= 0:
        raise ValueError(f"a length of time must be 0 seconds or more, got {length!r}")
    return seconds
