"""Moving a clock that skips the time in which nothing happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence

from durable_workflow.server.clock import MICROSECONDS, SkippingClock
from durable_workflow.server.notices import Notice, PollWoken, TaskOffered, TaskReady
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import skipping
from durable_workflow.server.services.skipping import NONE_READY, Ready, Wish
from durable_workflow.server.store import FollowUp, Read, Store

_log = logging.getLogger(__name__)

# Between two looks while somebody wants time to be skipped: a look comes with each commit already.
_QUICK_SECONDS = 0.005
# After a jump to where nothing falls due.
_AT_ONCE_SECONDS = 0.001
# Between two looks while nobody does, and the steps in which the clock then runs.
_SLOW_SECONDS = 0.05
# A task that no worker takes for so long does not hold time any more: its worker is not coming, and
# its timeouts are what is waited for.
_PATIENCE_SECONDS = 1.0
# Notices that say that somebody was given work, or that there is some.
_WORK = frozenset({TaskOffered, TaskReady, PollWoken})


class TimeSkipper:
    """Moves the clock of one server, from `start` to `stop`.

    Args:
        clock: The clock to move.
        store: Whose tasks and due times decide.
        settings: How what falls due is done.
        awaited: The runs whose results are waited for now.
        moved: Called after each move, for what has fallen due.
    """

    def __init__(
        self,
        clock: SkippingClock,
        store: Store,
        settings: ServiceSettings,
        *,
        awaited: Callable[[], Collection[str]],
        moved: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._store = store
        self._settings = settings
        self._awaited = awaited
        self._moved = moved
        self._wake = asyncio.Event()
        # Whether somebody wants time to be skipped, as far as is known.
        self._wanted = False
        self._task: asyncio.Task[None] | None = None
        # Whether the unit that ran last has given somebody work: there is no reason to look before
        # another one has run.
        self._left_at_work = False
        self._looked_at = 0.0
        # The tasks that wait to be taken, and since when these do.
        self._ready: Ready | None = None
        self._ready_since = 0.0

    def start(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()
        self._looked_at = loop.time()
        self._clock.attach(lambda: loop.call_soon_threadsafe(self._wake.set))
        self._task = asyncio.create_task(self._run(), name="dw-time-skipper")

    def publish(self, notices: Sequence[Notice]) -> None:
        """Look now: something was committed, and it may have been the last that was being done."""
        if notices and self._wanted and not self._left_at_work:
            self._wake.set()

    def follow_up(self, read: Read, notices: Sequence[Notice]) -> FollowUp | None:
        """What follows from units that leave nothing to do: a jump, and what falls due then.

        Args:
            read: Shows what they have left.
            notices: Those of the last one.
        """
        self._left_at_work = self._wanted and not _WORK.isdisjoint(map(type, notices))
        if not self._wanted or self._left_at_work:
            return None
        jump = skipping.next_jump(read, self._wish())
        if jump is None:
            return None
        return FollowUp(
            jump.target,
            lambda tx: skipping.jump(tx, jump, self._settings),
            lambda all_done: self._jumped(jump.target, all_done=all_done),
        )

    def _jumped(self, target: int, *, all_done: bool) -> None:
        self._clock.move_to(target)
        if not all_done:
            self._moved()

    def _wish(self) -> Wish:
        return Wish(awaited=self._awaited(), until=self._clock.asked)

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._clock.detach()

    async def _run(self) -> None:
        while True:
            # What is committed from here on may not be seen by the look, and wakes for another.
            self._wake.clear()
            wish = self._wish()
            self._wanted = bool(wish.awaited) or wish.until is not None
            moved = False
            try:
                moved = await self._look(wish)
                if moved:
                    self._moved()
            except Exception:  # noqa: BLE001  reported, and nothing depends on its kind
                _log.exception("time could not be skipped; trying again")
                self._wanted = False
            quick = _AT_ONCE_SECONDS if moved else _QUICK_SECONDS
            waits = self._left_at_work or not self._wanted
            await self._pause(_SLOW_SECONDS if waits else quick)

    async def _pause(self, seconds: float) -> None:
        # Once for every step of a year: `asyncio.timeout` costs several times as much.
        alarm = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            alarm.cancel()

    async def _look(self, wish: Wish) -> bool:
        """Move the clock if it may; whether it moved."""
        now = asyncio.get_running_loop().time()
        elapsed, self._looked_at = now - self._looked_at, now
        ready = await self._store.read(skipping.waiting)
        if ready != self._ready:
            self._ready, self._ready_since = ready, now
        if ready is None or (ready != NONE_READY and now - self._ready_since < _PATIENCE_SECONDS):
            return False
        if not self._wanted:
            self._clock.move_to(self._clock.now() + round(elapsed * MICROSECONDS))
            return True
        if wish.until is not None and wish.until <= self._clock.now():
            self._clock.settle(wish.until)
            return False
        moment, move_to = self._clock.now(), self._clock.move_to
        return await self._store.run(
            lambda tx: skipping.skip(tx, wish, now=moment, move_to=move_to, forsaken=ready)
        )
