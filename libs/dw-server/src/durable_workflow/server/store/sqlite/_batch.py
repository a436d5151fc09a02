"""Units of work that are committed together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import apsw

from durable_workflow.server.logs import current_request
from durable_workflow.server.notices import Notice
from durable_workflow.server.store.errors import OutcomeUnknown, StoreError, StoreUnavailable
from durable_workflow.server.store.sqlite._transaction import Line, SqliteTx

_said = logging.getLogger("durable_workflow.server")


class Unit:
    """A unit of work from the moment it is asked for until its answer.

    Attributes:
        at: Its `now`; None for when it runs.
        has_written: Whether it has changed any row.
        is_long: Whether `work` gives slices: it is run with pauses, in a batch of its own.
        unhurried: Nobody waits for its answer itself.
    """

    __slots__ = (
        *("answer", "at", "error", "has_written", "is_long", "lines"),
        *("notices", "request", "result", "unhurried", "work"),
    )

    def __init__(
        self,
        work: Callable[[SqliteTx], Any],
        answer: asyncio.Future[Any],
        at: int | None = None,
        *,
        is_long: bool = False,
        unhurried: bool = False,
    ) -> None:
        self.work = work
        self.is_long = is_long
        self.unhurried = unhurried
        self.answer = answer
        self.at = at
        # Its lines are logged when another request, or none, is being served.
        self.request = current_request.get()
        self.result: Any = None
        self.has_written = False
        self.error: BaseException | None = None
        self.notices: list[Notice] = []
        self.lines: list[Line] = []

    def log_lines(self) -> None:
        """Log what it says, now that it is committed."""
        for line in self.lines:
            extra = {"request": self.request, "fields": line.ids}
            _said.log(line.level, line.text, *line.args, extra=extra)


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

    @property
    def is_long(self) -> bool:
        """Whether there is much to commit."""
        return any(unit.is_long for unit in self.units)

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


def not_committed(error: Exception) -> StoreError:
    """What the callers of a batch are told whose commit has failed.

    All of it may be in the log when a sync of the log fails. The next commit writes over it; but a
    crash before that finds it there, whole, and takes it for committed. Where a write has failed it
    is not whole: what makes it a commit is written last.
    """
    # apsw's annotations do not name the attribute, which every error of SQLite's has.
    how = getattr(error, "extendedresult", None)
    if not isinstance(error, apsw.IOError) or how == apsw.SQLITE_IOERR_WRITE:
        return unavailable(error)
    unknown = OutcomeUnknown(f"perhaps not committed: {error}")
    unknown.__cause__ = error
    return unknown


def publish_to_nobody(notices: Sequence[Notice], /) -> None:
    """For a store whose notices nobody reads."""


def dispatch_nothing(notices: Sequence[Notice], /) -> Sequence[Notice]:
    """For a store that tells nobody before a commit."""
    return notices
