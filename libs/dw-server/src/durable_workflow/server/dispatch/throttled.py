"""Queues that a budget holds up: who waits there is woken when there may be room again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from durable_workflow.server.dispatch.waiters import Line, TaskKey
from durable_workflow.server.notices import TaskKind

# Queues are named by callers: beyond so many the oldest are forgotten, and their polls look late.
_MOST: Final = 10_000


class Throttled:
    """The queues of which a budget was used up, since when that was.

    Args:
        lines: The held polls there are.
        look_in: Has the streams of a queue look for tasks.
    """

    def __init__(self, lines: Mapping[TaskKey, Line], look_in: Callable[[TaskKey], None]) -> None:
        self._lines = lines
        self._look_in = look_in
        # Those that wait for a lease to end, and those that wait for the next minute.
        self._for_leases: dict[TaskKey, None] = {}
        self._for_minutes: dict[TaskKey, asyncio.TimerHandle] = {}

    def note(self, key: TaskKey, seconds: float | None) -> None:
        """A budget of a queue is used up: until then, or where that is None until a lease ends."""
        if seconds is None:
            if len(self._for_leases) >= _MOST:
                del self._for_leases[next(iter(self._for_leases))]
            self._for_leases[key] = None
        elif key not in self._for_minutes:
            loop = asyncio.get_running_loop()
            self._for_minutes[key] = loop.call_later(seconds, self._minute_over, key)

    def lease_ended(self, kind: TaskKind, namespace: str) -> None:
        """A lease has ended: one more task of a queue of the namespace may be given out."""
        for key in self._for_leases:
            if (key.kind, key.namespace) == (kind, namespace):
                line = self._lines.get(key)
                if line is not None:
                    line.wake()
                self._look_in(key)

    def close(self) -> None:
        """Wake nobody any more."""
        for timer in self._for_minutes.values():
            timer.cancel()
        self._for_minutes.clear()
        self._for_leases.clear()

    def _minute_over(self, key: TaskKey) -> None:
        del self._for_minutes[key]
        line = self._lines.get(key)
        if line is not None:
            line.wake_all()
        self._look_in(key)
