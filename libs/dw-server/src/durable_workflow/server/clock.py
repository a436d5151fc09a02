"""Where the server's time comes from: injected, so that tests run a year of timers in a second."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

MICROSECONDS = 1_000_000


class Clock(Protocol):
    """The time of day, in whole microseconds since 1970-01-01 UTC. It never runs backwards."""

    def now(self) -> int:
        """The present moment."""
        ...


class SystemClock:
    """The machine's clock, smoothed.

    Deadlines and leases are compared with stored times, so time must not repeat when the machine's
    clock is set back. If that clock is set forwards, as after a laptop slept, this one follows at
    once. If it is set back, this one runs at half speed until the machine's clock has caught up.
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


class SkippingClock:
    """A clock for tests on a running server: it skips the time in which nothing happens.

    Given to a server, it stands still while a task is leased or ready to be taken. Where nobody
    works it jumps to what falls due next, for as long as a caller waits for the result of an open
    run, or `advance` asks; else it runs as other clocks do.

    Args:
        start: First moment, in microseconds since 1970 UTC; None for the present.
    """

    def __init__(self, start: int | None = None) -> None:
        self.real = SystemClock()
        self._now = self.real.now() if start is None else start
        self._lock = threading.Lock()
        self._asked: list[tuple[int, concurrent.futures.Future[None]]] = []
        self._wake: Callable[[], object] | None = None

    def now(self) -> int:
        """The present moment."""
        return self._now

    def advance(self, length: float | timedelta) -> concurrent.futures.Future[None]:
        """Let time pass, and have done what falls due meanwhile. Usable from every thread.

        Args:
            length: How long; a number is in seconds.
        Returns:
            Done when that time has come and nobody works any more. Wait for it with `result()`, or
            `await asyncio.wrap_future(...)`, while a worker serves the tasks that become ready.
        Raises:
            ValueError: The length is negative.
            RuntimeError: No server uses this clock.
        """
        seconds = length.total_seconds() if isinstance(length, timedelta) else length
        if not seconds >= 0:
            raise ValueError(f"time does not run backwards: {length!r}")
        done: concurrent.futures.Future[None] = concurrent.futures.Future()
        with self._lock:
            if self._wake is None:
                raise RuntimeError("no running server uses this clock")
            self._asked.append((self._now + round(seconds * MICROSECONDS), done))
            self._wake()
        return done

    # --- for the server -------------------------------------------------------------------

    def attach(self, wake: Callable[[], object]) -> None:
        """Begin to serve `advance`; `wake` is called, in whatever thread, when it asks."""
        with self._lock:
            self._wake = wake

    def detach(self) -> None:
        """Serve `advance` no more: who waits is told."""
        with self._lock:
            self._wake = None
            asked, self._asked = self._asked, []
        for _, done in asked:
            done.set_exception(RuntimeError("the server has stopped"))

    def move_to(self, moment: int) -> None:
        """Go to a moment, unless it has passed."""
        self._now = max(self._now, moment)

    @property
    def asked(self) -> int | None:
        """The first moment that `advance` asks for and that is not settled; None where none is."""
        with self._lock:
            return min((moment for moment, _ in self._asked), default=None)

    def settle(self, moment: int) -> None:
        """Say that time has come to a moment, and that nobody works any more."""
        with self._lock:
            come = [entry for entry in self._asked if entry[0] <= moment]
            self._asked = [entry for entry in self._asked if entry[0] > moment]
        for _, done in come:
            done.set_result(None)
