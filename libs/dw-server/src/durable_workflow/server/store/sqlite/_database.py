"""Opening the file: the lock, the settings that durability rests on, and the migrations."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
from pathlib import Path

import apsw

from durable_workflow.server.store.errors import StoreUnavailable, StoreUnusable
from durable_workflow.server.store.protocol import Sizes
from durable_workflow.server.store.schema import Migration, pending, refuse_newer
from durable_workflow.server.store.sqlite._connection import Connection, connect
from durable_workflow.server.store.sqlite._lock import FileLock
from durable_workflow.server.store.sqlite._migrating import fill, migrate, version_of
from durable_workflow.server.store.sqlite._places import Places
from durable_workflow.server.store.sqlite._transaction import translated

MEMORY = ":memory:"

_log = logging.getLogger(__name__)

# "dwf1": tells our files from other people's databases, which are refused.
APPLICATION_ID = 0x64776631
_OURS = f"PRAGMA application_id = {APPLICATION_ID};"
_STATEMENT_CACHE = 512
_BUSY_MILLISECONDS = 5_000
# Reading every page of a large file would make start-up, and so recovery, as long as the file.
_CHECKED_BYTES = 32 * 1024 * 1024

# What is deleted of temporary tables leaves the memory.
_SETTINGS = """
PRAGMA foreign_keys = ON;
PRAGMA temp_store = MEMORY;
PRAGMA temp.auto_vacuum = 1;
PRAGMA cache_size = -65536;
"""
# A commit writes whole pages, and of most it changes a row of some hundred bytes: smaller pages are
# half as many bytes. Larger ones only help with payloads of many kilobytes, and little.
_PAGE_BYTES = 2048
_INCREMENTAL = 2
_PAGES = f"PRAGMA page_size = {_PAGE_BYTES};"
_LAYOUT = f"{_PAGES} PRAGMA auto_vacuum = {_INCREMENTAL};"
# FULL: the write-ahead log is fsynced in every commit, so what was acknowledged outlives a power
# cut. The F_FULLFSYNC settings matter on macOS alone, where fsync does not reach the platter.
_FILE_SETTINGS = """
PRAGMA synchronous = FULL;
PRAGMA fullfsync = ON;
PRAGMA checkpoint_fullfsync = ON;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA journal_size_limit = 67108864;
"""
_COLUMNS = """
SELECT t.name, c.name, coalesce(c.dflt_value, 'NULL')
FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
WHERE t.type = 'table' ORDER BY t.name, c.cid
"""


class Database:
    """The connections to one database.

    Attributes:
        writer: The one connection that changes anything.
        reader: A connection that cannot change anything and sees what is committed; in memory
            there is only one connection, and this is the same.
    """

    def __init__(self, location: str, migrations: list[Migration], *, now: int, vfs: str | None):
        self.in_memory = location == MEMORY
        self.path = None if self.in_memory else Path(os.path.realpath(location))
        self._migrations = migrations
        self._vfs = vfs
        self._lock = FileLock(self.path) if self.path is not None else None
        try:
            self._make_private()
            with translated(f"cannot open {location}"):
                self.writer = self._connect(apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
                self._prepare(now)
                self.reader = self.writer
                if not self.in_memory:
                    self.reader = self.connect()
                    version_of(self.reader)  # opens the log, so that it has its file
                self._places = Places(self._files())
        except BaseException:
            self._release()
            raise

    def missing_migrations(self) -> list[str]:
        """Names of the migrations that this database has not had."""
        applied = version_of(self.reader)
        return [migration.name for migration in pending(self._migrations, applied)]

    def columns(self) -> dict[str, dict[str, str]]:
        """The columns of each table, in order, with their defaults as SQL says them."""
        columns: dict[str, dict[str, str]] = {}
        with translated("cannot read the schema"):
            for table, column, default in self.writer.execute(_COLUMNS).fetchall():
                columns.setdefault(table, {})[column] = default
        return columns

    def rewrite_version(self) -> None:
        """Write the first page as it is, in the writer's transaction: the smallest change."""
        self.writer.execute("PRAGMA user_version = 0").fetchall()  # has no other use here

    def check_in_place(self) -> None:
        """See that what is committed now will be found by the next start.

        Raises:
            StoreUnavailable: A file was deleted or replaced under the server.
        """
        lost = self._places.lost()
        if lost is not None:
            raise StoreUnavailable(
                f"{lost} was deleted or replaced while the server had it open; put it back, or "
                "start the server again on what is there"
            )

    def sizes(self) -> Sizes | None:
        """How much space the files take; None in memory."""
        if self.path is None:
            return None
        with contextlib.suppress(OSError):  # deleted under the server: `check_in_place` tells
            log = self.path.with_name(self.path.name + "-wal").stat().st_size
            return Sizes(self.path.stat().st_size, log, shutil.disk_usage(self.path.parent).free)
        return None

    def _files(self) -> list[Path]:
        if self.path is None or self._lock is None:
            return []
        return [self.path, self.path.with_name(self.path.name + "-wal"), self._lock.path]

    def close(self) -> None:
        """Close all connections, the log folded into the file, and give the file free.

        Raises:
            StoreUnavailable: The log could not be folded in. All is closed and free nevertheless,
                and nothing is lost: whoever opens the file next reads the log beside it.
        """
        try:
            with translated("cannot close the database"):
                if self.reader is not self.writer:
                    self.reader.close()
                try:
                    if not self.in_memory:
                        self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                finally:
                    self.writer.close()
        finally:
            self._release()

    def _make_private(self) -> None:
        # SQLite would make a file that everybody may read, and its log like it. What cannot be made
        # SQLite tells better.
        if self.path is not None and self._vfs is None:
            with contextlib.suppress(OSError):
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def connect(self) -> Connection:
        """Open a further connection, which cannot change anything."""
        connection = self._connect(apsw.SQLITE_OPEN_READWRITE)
        connection.execute("PRAGMA query_only = ON").fetchall()
        return connection

    def _connect(self, flags: int) -> Connection:
        name = MEMORY if self.path is None else str(self.path)
        if self.path is None:
            # The loop's thread alone has it: locking every step of SQLite's takes a tenth of them.
            flags |= apsw.SQLITE_OPEN_NOMUTEX
        connection = connect(name, flags=flags, vfs=self._vfs, statement_cache=_STATEMENT_CACHE)
        connection.set_busy_timeout(_BUSY_MILLISECONDS)
        # Plans that do not depend on the values bound: otherwise SQLite prepares a statement anew
        # for each of them, which makes a claim cost 65 microseconds instead of 2.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.execute(_SETTINGS).fetchall()
        # In memory, too, pages are small: each that a transaction changes is copied first.
        connection.execute(_PAGES if self.in_memory else _FILE_SETTINGS).fetchall()
        return connection

    def _prepare(self, now: int) -> None:
        new = self._check_ours()
        if not new:
            # Before anything of the file is changed.
            self._refuse_newer()
        if not self.in_memory:
            self._lay_out(new=new)
        if new:
            self.writer.execute(_OURS).fetchall()
        if not self.in_memory:
            (mode,) = self.writer.execute("PRAGMA journal_mode = WAL").fetchall()[0]
            if mode != "wal":
                raise StoreUnusable(f"{self.path}: this file system cannot hold a write-ahead log")
            self._check_whole()
        if new:
            layout = _PAGES if self.in_memory else _LAYOUT
            fill(self.writer, self._migrations, now, settings=_SETTINGS + layout + _OURS)
        else:
            migrate(self.writer, self._migrations, now)
        if self.path is not None:
            sync_folder(self.path.parent)

    def _lay_out(self, *, new: bool) -> None:
        """Give the file its pages, and rewrite one whose pages are others, once."""
        if not new and self._has_layout():
            return
        if not new:
            # The page size of a file with a write-ahead log is fixed. `VACUUM` is one transaction,
            # and nobody else has the file.
            _log.info("rewriting %s, so that it can give space back; this is done once", self.path)
            self.writer.execute("PRAGMA journal_mode = DELETE").fetchall()
        self.writer.execute(_LAYOUT).fetchall()
        if not new:
            self.writer.execute("VACUUM").fetchall()

    def _has_layout(self) -> bool:
        [(size,)] = self.writer.execute("PRAGMA page_size").fetchall()
        [(vacuum,)] = self.writer.execute("PRAGMA auto_vacuum").fetchall()
        return (size, vacuum) == (_PAGE_BYTES, _INCREMENTAL)

    def _check_ours(self) -> bool:
        """See that the file is ours; whether it is new."""
        (application,) = self.writer.execute("PRAGMA application_id").fetchall()[0]
        (tables,) = self.writer.execute("SELECT count(*) FROM sqlite_schema").fetchall()[0]
        if application != APPLICATION_ID and tables:
            raise StoreUnusable(f"{self.path} is a database of another program")
        return not tables

    def _check_whole(self) -> None:
        assert self.path is not None
        if self.path.stat().st_size > _CHECKED_BYTES:
            return
        (verdict,) = self.writer.execute("PRAGMA quick_check(1)").fetchall()[0]
        if verdict != "ok":
            raise StoreUnusable(f"{self.path} is damaged: {verdict}")

    def _refuse_newer(self) -> None:
        applied = version_of(self.writer)
        if not applied:
            return
        [(name,)] = self.writer.execute(
            "SELECT name FROM schema_migrations WHERE version = ?", (applied,)
        ).fetchall()
        try:
            refuse_newer(self._migrations, applied, name)
        except StoreUnusable as error:
            raise StoreUnusable(f"{self.path} cannot be served: {error}") from None


def sync_folder(folder: Path) -> None:
    """Make the names of new files durable too: SQLite does it for the log, not for the database."""
    if sys.platform == "win32":
        return  # folders cannot be opened there, and names are journalled
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
