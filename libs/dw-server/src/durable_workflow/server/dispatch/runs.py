"""Requests that wait for something to happen in one run: new events, or its end."""

from __future__ import annotations

from typing import Self

from durable_workflow.server.dispatch.waiters import Waiter
from durable_workflow.server.notices import RunEnd


class RunWaiter(Waiter):
    """A request that watches one run, until the end of the block that it is entered for.

    Args:
        watch: The requests to which it belongs then.

    Attributes:
        end: How the run ended, once the unit that closed it has told.
        run_id: The run that it watches; None while it watches none.
        has_left: It will watch nothing any more.
    """

    __slots__ = ("_watch", "end", "has_left", "run_id")

    def __init__(self, watch: RunWatch) -> None:
        super().__init__()
        self._watch = watch
        self.end: RunEnd | None = None
        self.run_id: str | None = None
        self.has_left = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._watch.leave(self)


class RunWatch:
    """The requests that watch each run.

    Each notice wakes all of them, since watching claims nothing.
    """

    def __init__(self) -> None:
        # Per run: its watchers, and whether each waits for the end alone.
        self._watchers: dict[str, dict[RunWaiter, bool]] = {}

    def enter(self, run_id: str, waiter: RunWaiter, *, end_only: bool) -> None:
        """Begin to watch a run. Read it only afterwards, so that no event is missed in between."""
        if not waiter.has_left:
            waiter.run_id = run_id
            self._watchers.setdefault(run_id, {})[waiter] = end_only

    def leave(self, waiter: RunWaiter) -> None:
        """Stop watching, and never begin again."""
        waiter.has_left = True
        if waiter.run_id is None:
            return
        watchers = self._watchers[waiter.run_id]
        del watchers[waiter]
        if not watchers:
            del self._watchers[waiter.run_id]

    def wake(self, run_id: str, *, closed: bool, end: RunEnd | None) -> None:
        """Something happened in a run."""
        for waiter, end_only in self._watchers.get(run_id, {}).items():
            if closed or not end_only:
                waiter.end = end or waiter.end
                waiter.woken = True
                waiter.rouse()

    def awaited(self) -> list[str]:
        """The runs whose end somebody waits for."""
        return [run_id for run_id, each in self._watchers.items() if any(each.values())]

    def rouse_all(self) -> None:
        """End every wait."""
        for watchers in self._watchers.values():
            for waiter in watchers:
                waiter.rouse()
