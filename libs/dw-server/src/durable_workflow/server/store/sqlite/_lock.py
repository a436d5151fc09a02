"""One server process per database file.

SQLite itself would let two servers share a file, and each would lease out the tasks that the other
holds in memory. The lock is the operating system's, on a file beside the database, so it is gone
with the process, however that ends. The file itself stays: removing it would race with the next
owner.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from durable_workflow.server.store.errors import StoreLocked, StoreUnusable

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


# Root restores into folders of other users: it writes through no link that they have put there.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)


class FileLock:
    """The right to serve one database file, held until `release`.

    Raises:
        StoreLocked: Another process has it.
        StoreUnusable: The folder cannot be written, or the file is a link.
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        try:
            self._descriptor = os.open(self.path, _FLAGS, 0o600)
        except OSError as error:
            raise StoreUnusable(f"cannot open {self.path}: {error.strerror}") from error
        try:
            _take(self._descriptor)
        except OSError as error:
            owner = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            who = f" (process {owner})" if owner else ""
            raise StoreLocked(f"{database} is served by another dw-server{who}") from error
        # The number is for people. On a full disk there may be no room for it, and the lock counts.
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let another process serve the file. Doing it twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
