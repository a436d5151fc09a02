"""Whether units can be committed, as far as is known."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import apsw

from durable_workflow.server.store.errors import StoreError, StoreUnavailable
from durable_workflow.server.store.protocol import Condition, Tx
from durable_workflow.server.store.sqlite._batch import Unit
from durable_workflow.server.store.sqlite._database import Database

# Free bytes below which a disk that was too full to commit is so still.
_ROOM: Final = 1024 * 1024
# Seconds for the attempt to commit something, after a commit has failed.
_PATIENCE: Final = 1.0


class _Run(Protocol):
    """Runs a unit, and returns once it is committed."""

    def __call__(self, work: Callable[[Tx], None], /) -> Awaitable[None]: ...


class Health:
    """Keeps what has made a commit fail, until one that writes something succeeds.

    Args:
        database: What is committed to.
        run: Runs a unit of work.
    """

    def __init__(self, database: Database, run: _Run) -> None:
        self._database = database
        self._run = run
        self._trouble: str | None = None

    def note(self, error: Exception | None, units: Sequence[Unit]) -> None:
        """Note how the commit of some units ended."""
        if error is not None:
            self._trouble = str(error)
        elif self._trouble is not None and any(unit.has_written for unit in units):
            self._note_success()

    async def check(self) -> Condition:
        """Look. After a commit that failed, commit the smallest change there is.

        Nobody else may write then: probes say that nothing can be written.
        """
        try:
            self._database.check_in_place()
            missing = self._database.missing_migrations()
        except (apsw.Error, StoreUnavailable) as error:
            return Condition(available=False, message=str(error))
        if self._trouble is not None:
            with contextlib.suppress(StoreError, TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self._run(lambda _: self._database.rewrite_version())
                self._note_success()
        return Condition(self._trouble is None, self._trouble, missing)

    def _note_success(self) -> None:
        # On a full disk what is small may find a place in what the files have already.
        sizes = self._database.sizes()
        if sizes is None or sizes.free >= _ROOM:
            self._trouble = None
