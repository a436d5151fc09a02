"""Requests that wait for something to happen in one run: new events, or its end."""

from __future__ import annotations

from durable_workflow.server.dispatch.waiters import Waiter


class RunWatch:
    """The requests that watch each run.

    Each notice wakes all of them, since watching claims nothing.
    """

    def __init__(self) -> None:
        # Per run: its watchers, and whether each waits for the end alone.
        self._watchers: dict[str, dict[Waiter, bool]] = {}

    def enter(self, run_id: str, *, end_only: bool) -> Waiter:
        """Begin to watch a run. Read it only afterwards, so that no event is missed in between."""
        waiter = Waiter()
        self._watchers.setdefault(run_id, {})[waiter] = end_only
        return waiter

    def leave(self, run_id: str, waiter: Waiter) -> None:
        """Stop watching."""
        watchers = self._watchers[run_id]
        del watchers[waiter]
        if not watchers:
            del self._watchers[run_id]

    def wake(self, run_id: str, *, closed: bool) -> None:
        """Something happened in a run."""
        for waiter, end_only in self._watchers.get(run_id, {}).items():
            if closed or not end_only:
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
