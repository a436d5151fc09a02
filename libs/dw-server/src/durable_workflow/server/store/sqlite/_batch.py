"""Units of work that are committed together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from durable_workflow.server.notices import Notice
from durable_workflow.server.store.errors import StoreUnavailable
from durable_workflow.server.store.protocol import Tx
from durable_workflow.server.store.sqlite._transaction import Line


class Unit:
    """A unit of work from the moment it is asked for until its answer."""

    __slots__ = ("answer", "error", "lines", "notices", "result", "work")

    def __init__(self, work: Callable[[Tx], Any], answer: asyncio.Future[Any]) -> None:
        self.work = work
        self.answer = answer
        self.result: Any = None
        self.error: BaseException | None = None
        self.notices: list[Notice] = []
        self.lines: list[Line] = []


class Batch:
    """Units that are committed together.

    Attributes:
        units: In the order in which they run.
        notices: Taken from the units already, and still to be published.
    """

    __slots__ = ("_taken", "notices", "units")

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.notices: list[Notice] = []
        self._taken = 0

    def take_notices(self) -> list[Notice]:
        """The notices of the units that came since this was last asked."""
        units, self._taken = self.units[self._taken :], len(self.units)
        return [notice for unit in units if unit.error is None for notice in unit.notices]


def carried(error: BaseException) -> BaseException:
    """`error` in a form that a future takes: it refuses this one, with all that come after it."""
    if not isinstance(error, StopIteration):
        return error
    carried = RuntimeError("the unit of work raised StopIteration")
    carried.__cause__ = error
    return carried


def unavailable(error: Exception) -> StoreUnavailable:
    """What the callers of a batch are told that was not committed."""
    unavailable = StoreUnavailable(f"not committed: {error}")
    unavailable.__cause__ = error
    return unavailable
