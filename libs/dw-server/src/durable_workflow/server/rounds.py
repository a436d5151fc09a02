"""One timer for many connections: what each has to do now and then is done for all in rounds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from weakref import WeakKeyDictionary


class Rounds:
    """Calls what is due, once a period.

    A loop that wakes for each of a thousand connections that has little to do pays for waking, and
    for code that the processor has forgotten meanwhile: ten times what the little itself costs.

    Args:
        period: Seconds from round to round.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._due: dict[int, dict[Callable[[], None], None]] = {}
        # The next round that has a timer, and its timer: uvloop's do not always know their time.
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, seconds: float, call: Callable[[], None]) -> int:
        """Call once, in so many seconds or up to a period later.

        Returns:
            The round, by which it can be taken back.
        """
        loop = asyncio.get_running_loop()
        number = math.floor((loop.time() + seconds) / self._period) + 1
        self._due.setdefault(number, {})[call] = None
        if self._timer is None or number < self._next:
            self._begin(loop, number)
        return number

    def remove(self, number: int, call: Callable[[], None]) -> None:
        """Do not call, if it has not been called yet."""
        if number in self._due:
            self._due[number].pop(call, None)

    def _begin(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = number
        self._timer = loop.call_at(number * self._period, self._turn, number)

    def _turn(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        for call in self._due.pop(number, {}):
            loop.call_soon(call)
        self._timer = None
        if self._due:
            self._begin(loop, min(self._due))


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[float, Rounds]] = WeakKeyDictionary()


def rounds_of(loop: asyncio.AbstractEventLoop, period: float) -> Rounds:
    """The rounds of a loop with a period."""
    of_loop = _of_loops.setdefault(loop, {})
    if period not in of_loop:
        of_loop[period] = Rounds(period)
    return of_loop[period]
