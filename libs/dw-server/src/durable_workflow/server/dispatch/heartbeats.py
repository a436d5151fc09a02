"""Held heartbeats: an open request shows that the worker is alive, so it need not send many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager

from durable_workflow.server.dispatch.admission import Admission, TooManyWaiting
from durable_workflow.server.dispatch.waiters import Waiter


class HeldHeartbeat:
    """One heartbeat, from before it is noted until it is answered."""

    def __init__(self, admission: Admission, waiter: Waiter, *, closed: bool) -> None:
        self._admission = admission
        self._waiter = waiter
        self._closed = closed

    async def wait(self, seconds: float, gone: Callable[[], asyncio.Future[None]]) -> bool:
        """Hold it for so long, or until the worker is challenged or the server stops.

        Where too many requests are held already it is answered at once.

        Returns:
            Whether the worker is still there.
        """
        if self._closed:
            return True
        left = gone()
        try:
            with self._admission.hold():
                await self._waiter.wait(asyncio.get_running_loop().time() + seconds, left)
        except TooManyWaiting:
            return True
        return not left.done()


class HeldHeartbeats:
    """The heartbeats that are held, by worker."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], set[Waiter]] = {}
        self._closed = False

    @contextmanager
    def enter(
        self, namespace: str, worker_id: str, admission: Admission
    ) -> Generator[HeldHeartbeat, None, None]:
        """Begin with a heartbeat. A challenge that arrives before it is held ends its wait too."""
        key, waiter = (namespace, worker_id), Waiter()
        self._held.setdefault(key, set()).add(waiter)
        try:
            yield HeldHeartbeat(admission, waiter, closed=self._closed)
        finally:
            self._held[key].discard(waiter)
            if not self._held[key]:
                del self._held[key]

    def wake(self, namespace: str, worker_id: str) -> None:
        """Answer the heartbeats of a worker now."""
        for waiter in self._held.get((namespace, worker_id), ()):
            waiter.woken = True
            waiter.rouse()

    def close(self) -> None:
        """Answer all of them now, and hold none any more."""
        self._closed = True
        for waiters in self._held.values():
            for waiter in waiters:
                waiter.woken = True
                waiter.rouse()
