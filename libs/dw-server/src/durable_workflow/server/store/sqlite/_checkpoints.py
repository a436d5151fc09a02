"""Folding the log into the database beside the commits.

By itself SQLite does it in the commit that makes the log too long: 8 MB are copied and synced then,
which takes 25 ms, and 60 behind a long unit. Nobody else may write meanwhile. So a thread copies,
with a connection of its own, while units go on. The log begins anew only once all of it is copied;
what has come meanwhile is little, and the next commit copies that. A crash in between loses
nothing: what is copied stays in the log until the log begins anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import apsw

from durable_workflow.server.store.errors import StoreError
from durable_workflow.server.store.sqlite._connection import Connection
from durable_workflow.server.store.sqlite._database import Database
from durable_workflow.server.store.sqlite._migrating import version_of

_log = logging.getLogger(__name__)

# Pages of the log after which it is to be copied.
DUE: Final = 4_000
# Pages that a commit copies itself: of 2 KiB they take three milliseconds.
_REST: Final = 500
# A log of so many pages is copied by the commit whatever it takes: commits are quicker than copies.
_LONGEST: Final = 16_000
# Where a read keeps the log from beginning anew there is more to copy after so many pages.
_AGAIN: Final = 1_000


class Checkpoints:
    """Keeps the log short.

    Args:
        database: Its log is copied; its writer commits.
        run_apart: Runs something in a thread that does not commit.
        due: Pages of the log after which it is copied.
    """

    def __init__(
        self,
        database: Database,
        run_apart: Callable[[Callable[[], None]], None],
        *,
        due: int = DUE,
    ) -> None:
        self._database = database
        self._run_apart = run_apart
        self._due = self._next = due
        # Pages in the log as of the last commit, and how many of them are copied.
        self._pages = 0
        self._copied = 0
        self._is_running = False
        self._is_half_done = False
        self._failed = False
        self._connection: Connection | None = None
        # In the place of SQLite's own, which copies at once.
        database.writer.set_wal_hook(self._has_committed)

    @property
    def may_copy(self) -> bool:
        """Whether the next commit may have pages to copy, so that it is not made on the loop."""
        return self._is_half_done or self._pages >= _LONGEST // 2

    def begin_if_due(self) -> None:
        """Have the log copied where it has become long; to be called behind a commit."""
        if self._pages < self._next or self._is_running or self._is_half_done:
            return
        self._is_running = True
        try:
            self._run_apart(self._copy)
        except RuntimeError as error:  # there can be no more threads now
            self._is_running = False
            self._warn(error)

    def close(self) -> None:
        """Let go of the database. Nothing is copied any more."""
        if self._connection is not None:
            self._connection.close()

    def _copy(self) -> None:
        before = self._copied
        try:
            if self._connection is None:
                self._connection = self._database.connect()
                version_of(self._connection)  # opens the log
            _, self._copied = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except (apsw.Error, StoreError) as error:
            # What is not copied stays in the log, and is tried again behind the next commit.
            self._warn(error)
        else:
            self._failed = False
            if self._copied > before:
                self._is_half_done = True
            else:
                # Somebody reads what is only in the log.
                self._next = self._pages + _AGAIN
        finally:
            self._is_running = False

    def _has_committed(self, writer: Connection, name: str, pages: int) -> int:
        """SQLite has committed, in whatever thread."""
        del name
        self._pages = pages
        if pages < self._due:
            self._next, self._is_half_done, self._copied = self._due, False, 0
        elif self._is_half_done or pages >= _LONGEST:
            self._is_half_done = False
            if pages - self._copied <= _REST or pages >= _LONGEST:
                self._copy_rest(writer)
        return apsw.SQLITE_OK

    def _copy_rest(self, writer: Connection) -> None:
        try:
            _, self._copied = writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            # Not the commit's failure: that is in the log.
            self._warn(error)
        else:
            # The next commit begins it anew, unless somebody reads what is only there.
            self._next = self._pages + _AGAIN

    def _warn(self, error: Exception) -> None:
        """Say once that nothing is copied, until something is."""
        if not self._failed:
            _log.warning("could not fold the log into the database: %s", error)
        self._failed = True
