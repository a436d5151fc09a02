"""One loop for all that falls due: timers, deadlines, leases, delayed tasks.

Due times are only in the store, so there is nothing to recover after a crash: what fell due in the
meantime is simply due. The loop sleeps until the next due time that the store knows; a commit
that brings an earlier one makes it sleep less. A look when nothing is due is one statement, and
most looks are such: most due times are ends of leases, which are given up long before.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

from durable_workflow.metrics import NOOP_METRICS, SERVER_DUE_FAILURES, MetricsRecorder
from durable_workflow.metrics._counting import add_one
from durable_workflow.server.clock import MICROSECONDS, Clock
from durable_workflow.server.notices import DueAt, Notice
from durable_workflow.server.records.due import DueItem
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import due
from durable_workflow.server.services.due import Due
from durable_workflow.server.store import (
    OutcomeUnknown,
    Store,
    StoreUnavailable,
    StoreUnusable,
    Tx,
)
from durable_workflow.server.timers._pace import Pace

# It is the store that fails, whatever is due.
_STORE_FAILURES = (StoreUnavailable, StoreUnusable, OutcomeUnknown)

_log = logging.getLogger(__name__)

# The wall clock may jump (after a laptop slept), which a sleeping loop does not notice.
_LONGEST_SLEEP = 5.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0


class _Done(NamedTuple):
    """How much was done, and how much of the processor that took, where it was measured."""

    handled: int
    seconds: float | None


class TimerService:
    """Does what is due, from `start` to `stop`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: ServiceSettings,
        metrics: MetricsRecorder = NOOP_METRICS,
    ) -> None:
        self._metrics = metrics
        self._store = store
        self._clock = clock
        self._settings = settings
        self._pace = Pace()
        self._wake = asyncio.Event()
        # When the loop will look by itself: no later than the first due time that there is.
        self._next: int | None = None
        self._poked = False
        self._task: asyncio.Task[None] | None = None

    def publish(self, notices: Sequence[Notice]) -> None:
        """Look earlier, if one of these says so."""
        for notice in notices:
            if type(notice) is DueAt and (self._next is None or notice.at < self._next):
                self._next = notice.at
                self._wake.set()

    def poke(self) -> None:
        """Look now: for whoever has moved the clock."""
        self._poked = True
        self._wake.set()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="dw-timers")

    async def stop(self) -> None:
        """End between two batches."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def run_due(self) -> int:
        """Do all that is due at this moment; how much that was."""
        done = 0
        fruitless = None
        while True:
            found = await self._store.read(lambda read: due.look(read, self._pace.most))
            if not found.overdue:
                break
            if found.found:
                count = await self._do_all(found.found)
            else:
                count = await self._store.run(due.forget_rested)
            if count == 0:
                # Another unit may have handled it between the look and the batch: look
                # again. Still due, and nothing to do about it: the loop would spin.
                if found.at == fruitless:
                    raise RuntimeError("what is due cannot be done")
                fruitless = found.at
            done += count
        at = found.at
        if at is not None and (self._next is None or at < self._next):
            self._next = at
        return done

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            self._poked = False
            # What is committed from here on may not be seen by the look, and says when it is due.
            self._next = None
            try:
                await self.run_due()
            except Exception:  # noqa: BLE001  reported, and nothing depends on its kind
                _log.exception("what is due could not be done; trying again in %.1f s", pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            await self._sleep()

    async def _sleep(self) -> None:
        until = asyncio.get_running_loop().time() + _LONGEST_SLEEP
        while not self._poked:
            self._wake.clear()
            seconds = until - asyncio.get_running_loop().time()
            if self._next is not None:
                seconds = min(seconds, (self._next - self._clock.now()) / MICROSECONDS)
            if seconds <= 0:
                return
            # `asyncio.timeout` costs several times as much, and most sleeps are cut short.
            alarm = asyncio.get_running_loop().call_later(seconds, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                alarm.cancel()

    async def _do_all(self, found: list[Due]) -> int:
        """Do what is due of each run and each worker, each in a unit of its own, and schedules."""
        units = sum(each.count for each in found)
        if units == 1:
            return (await self._do(found[0])).handled
        all_done = await asyncio.gather(*map(self._do, found), return_exceptions=True)
        count, measured, seconds = 0, 0, 0.0
        for each, done in zip(found, all_done, strict=True):
            if isinstance(done, BaseException):
                raise done
            count += done.handled
            if done.seconds is not None:
                # A unit of schedules may leave some of them to the next one.
                measured += done.handled if each.schedules else 1
                seconds += done.seconds
        if measured:
            self._pace.note(measured, seconds)
        return count

    async def _do(self, each: Due) -> _Done:
        try:
            return await self._store.run(lambda tx: _timed(tx, each, self._settings))
        except _STORE_FAILURES:
            raise
        except Exception as error:  # noqa: BLE001  something of it is to blame: see what
            _log.warning("what is due of %s failed, going on one by one: %r", each, error)
        items = await self._store.read(lambda read: due.items(read, each))
        return _Done(sum([await self._do_or_set_aside(each, item) for item in items]), None)

    async def _do_or_set_aside(self, each: Due, item: DueItem) -> int:
        try:
            return await self._store.run(lambda tx: due.handle(tx, each, self._settings, item))
        except _STORE_FAILURES:
            raise
        except Exception as error:  # noqa: BLE001  reported, and nothing depends on its kind
            problem = error
        failures = await self._store.run(
            lambda tx: due.set_aside(tx, item, problem, self._settings)
        )
        text = "%s fell due and could not be handled, set aside (%d time(s) in a row)"
        ids = {} if item.run_id is None else {"run_id": item.run_id}
        _log.error(text, item, failures, exc_info=problem, extra={"fields": ids})
        add_one(self._metrics, SERVER_DUE_FAILURES, {"source": item.source})
        return 1


def _timed(tx: Tx, each: Due, settings: ServiceSettings) -> _Done:
    began = time.thread_time()
    count = due.handle(tx, each, settings)
    return _Done(count, time.thread_time() - began)
