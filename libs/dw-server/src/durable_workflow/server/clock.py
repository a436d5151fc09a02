"""Where the server's time comes from: injected, so that tests run a year of timers in a second."""

from __future__ import annotations

import time
from typing import Protocol

MICROSECONDS = 1_000_000


class Clock(Protocol):
    """The time of day, in whole microseconds since 1970-01-01 UTC. It never runs backwards."""

    def now(self) -> int:
        """The present moment."""
        ...


class SystemClock:
    """The machine's clock, smoothed.

    Deadlines and leases are compared with stored times, so a clock that is set back must not make
    time repeat. Set forwards, we follow at once (it is what happens after a laptop slept); set
    back, we go on at half speed from where we were until the wall clock has caught up.
    """

    def __init__(self) -> None:
        self._last = time.time_ns() // 1000
        self._monotonic = time.monotonic_ns() // 1000

    def now(self) -> int:
        """The present moment."""
        wall = time.time_ns() // 1000
        monotonic = time.monotonic_ns() // 1000
        if wall < self._last:
            wall = self._last + (monotonic - self._monotonic) // 2
        self._last, self._monotonic = wall, monotonic
        return wall


class ManualClock:
    """A clock for tests: it moves when told to.

    Args:
        start: First moment, in microseconds since 1970 UTC. The default is 2026-01-01.
    """

    def __init__(self, start: int = 1_767_225_600 * MICROSECONDS) -> None:
        self._now = start

    def now(self) -> int:
        """The present moment."""
        return self._now

    def advance(self, seconds: float) -> int:
        """Move forwards by `seconds`; the new present."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._now += round(seconds * MICROSECONDS)
        return self._now

    def advance_to(self, moment: int) -> int:
        """Move forwards to `moment`, unless it has passed; the new present."""
        self._now = max(self._now, moment)
        return self._now
