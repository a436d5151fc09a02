"""Copies of a database file, taken while a server writes to it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import apsw

from durable_workflow.server.store.errors import StoreUnusable
from durable_workflow.server.store.sqlite._connection import Connection, connect
from durable_workflow.server.store.sqlite._database import APPLICATION_ID, sync_folder
from durable_workflow.server.store.sqlite._transaction import translated

_PAGES_AT_ONCE: Final = 256


def open_for_reading(path: Path) -> Connection:
    """Open a state file that another process may be serving.

    Raises:
        StoreUnusable: There is none, or it is not ours.
        StoreUnavailable: It cannot be read.
    """
    if not path.is_file():
        raise StoreUnusable(f"there is no file {path}")
    # SQLite keeps the log beside the file itself, and not beside a link to it.
    real = path.resolve()
    had_log = real.with_name(real.name + "-wal").exists()
    with translated(f"cannot open {path}"):
        try:
            # Not read-only: the log of a server that was killed must be read, which writes its
            # index.
            connection = _begin_reading(str(path), apsw.SQLITE_OPEN_READWRITE)
        except (apsw.ReadOnlyError, apsw.CantOpenError):
            if had_log:
                raise
            # Nothing can be written beside it, as on a disk that is mounted to be read. Without a
            # log the file is all there is, and no server has it.
            connection = _begin_reading(
                f"{real.as_uri()}?immutable=1",
                apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
            )
        application = connection.execute("PRAGMA application_id").fetchall()
    if application != [(APPLICATION_ID,)]:
        connection.close()
        raise StoreUnusable(f"{path} is no state file of dw-server")
    return connection


def _begin_reading(name: str, flags: int) -> Connection:
    connection = connect(name, flags=flags, vfs=None, statement_cache=10)
    try:
        connection.set_busy_timeout(5_000)
        connection.execute("PRAGMA query_only = ON").fetchall()
        connection.execute("BEGIN").fetchall()
        # The view is taken by the first statement that reads.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def copy_database(
    source: Path, target: Path, *, bytes_per_second: int = 0, sleep: Callable[[float], None]
) -> int:
    """Copy a state file as it is at one moment; the bytes of the copy.

    A copy that is not finished is never found under the name of the target.

    Args:
        bytes_per_second: The copy takes its time, so that others have the disk; 0: none.
    Raises:
        StoreUnusable: There is no source, or it is not ours; the target exists, or nothing can be
            written there.
        StoreUnavailable: The disk failed or is full; nothing is left of the copy.
    """
    if target.exists():
        raise StoreUnusable(f"{target} exists already")
    part = target.with_name(target.name + ".part")
    reading = open_for_reading(source)
    try:
        try:
            # What a copy that was broken off has left, or a link that somebody else has put there.
            part.unlink(missing_ok=True)
            # As only we may read it, until its name is there.
            os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
        except OSError as error:
            raise StoreUnusable(f"cannot write {target}: {error.strerror}") from error
        with translated(f"cannot copy {source} to {target}"):
            _copy_pages(reading, part, bytes_per_second, sleep)
        _sync(part)
        size = part.stat().st_size
        # Where a file has come meanwhile it stays.
        os.link(part, target)
    finally:
        reading.close()
        # A folder in its place, or none above it: that was told already.
        with contextlib.suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
            part.unlink()
    sync_folder(target.parent)
    return size


def _copy_pages(
    reading: Connection, part: Path, bytes_per_second: int, sleep: Callable[[float], None]
) -> None:
    [(page_bytes,)] = reading.execute("PRAGMA page_size").fetchall()
    writing = connect(str(part), flags=apsw.SQLITE_OPEN_READWRITE, vfs=None, statement_cache=10)
    try:
        # It is synced as a whole, and thrown away where it is not finished.
        writing.execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF").fetchall()
        began, done = time.monotonic(), 0
        # The reader has its transaction open all the while: what is written meanwhile goes to the
        # log, and does not begin the copy anew.
        with cast("Any", writing).backup("main", reading, "main") as backup:
            while not backup.done:
                backup.step(_PAGES_AT_ONCE)
                done += _PAGES_AT_ONCE * int(cast("int", page_bytes))
                ahead = (
                    done / bytes_per_second - (time.monotonic() - began) if bytes_per_second else 0
                )
                if ahead > 0 and not backup.done:
                    sleep(ahead)
    finally:
        writing.close()


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
