"""Polls that wait for a task of one queue, first come, first served.

A wake-up stands for one task that may be claimed. Three rules ensure that none is lost:

- A poll is in the line *before* it first looks, so a task committed while it looks wakes it.
- Who is woken and finds nothing (the task is of a type that it does not serve) passes the wake-up
  on to the next behind it. Behind, not to anyone: so it ends.
- Who leaves the line with a wake-up that it has not used passes it on too: it got another task, its
  time was up, its caller went away.

A waiter that was already woken is skipped: it has not looked yet, so it will see this task too.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from durable_workflow.server.dispatch.takers import Taker
from durable_workflow.server.notices import TaskKind


class TaskKey(NamedTuple):
    """What a poll waits for."""

    kind: TaskKind
    namespace: str
    task_queue: str


class Waiter:
    """One place in a line.

    Attributes:
        woken: There is a wake-up that has not been used.
        worker: Who polls, where that is known.
    """

    __slots__ = ("_future", "woken", "worker")

    def __init__(self, worker: Taker | None = None) -> None:
        self.woken = False
        self.worker = worker
        self._future: asyncio.Future[None] | None = None

    def take(self) -> bool:
        """Use the wake-up; whether there was one."""
        woken, self.woken = self.woken, False
        return woken

    def wake(self) -> None:
        """Give it a wake-up."""
        self.woken = True
        self.rouse()

    def rouse(self) -> None:
        """End the wait, for whatever reason."""
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    async def wait(self, until: float, gone: asyncio.Future[None]) -> None:
        """Wait for a wake-up, for `until` by the loop's clock, or until the caller is gone."""
        if self.woken or gone.done():
            return
        loop = asyncio.get_running_loop()
        self._future = loop.create_future()
        timer = loop.call_at(until, self.rouse)

        def rouse(_: asyncio.Future[None]) -> None:
            self.rouse()

        gone.add_done_callback(rouse)
        try:
            await self._future
        finally:
            timer.cancel()
            gone.remove_done_callback(rouse)
            self._future = None


class Line:
    """The waiters of one key, in order of arrival."""

    def __init__(self) -> None:
        self._waiters: list[Waiter] = []

    def __len__(self) -> int:
        return len(self._waiters)

    def enter(self, worker: Taker | None = None) -> Waiter:
        """Join the end of the line."""
        waiter = Waiter(worker)
        self._waiters.append(waiter)
        return waiter

    def asleep(self) -> list[Waiter]:
        """Those that have no wake-up."""
        return [waiter for waiter in self._waiters if not waiter.woken]

    def leave(self, waiter: Waiter) -> bool:
        """Leave the line. An unused wake-up goes to the next waiter behind, else to the first.

        Returns:
            Whether a wake-up is lost, because no waiter is left to use it.
        """
        place = self._waiters.index(waiter)
        del self._waiters[place]
        return waiter.take() and not self._wake_from(place) and not self.wake()

    def wake(self) -> bool:
        """Wake the first that has no wake-up yet; whether there was one."""
        return self._wake_from(0)

    def wake_all(self) -> None:
        """Have all of them look."""
        for waiter in self._waiters:
            waiter.wake()

    def pass_on(self, waiter: Waiter) -> bool:
        """Give the wake-up that `waiter` could not use to one behind it."""
        return self._wake_from(self._waiters.index(waiter) + 1)

    def rouse_all(self) -> None:
        """End every wait, without a wake-up."""
        for waiter in self._waiters:
            waiter.rouse()

    def _wake_from(self, place: int) -> bool:
        for index in range(place, len(self._waiters)):
            waiter = self._waiters[index]
            if not waiter.woken:
                waiter.wake()
                return True
        return False
