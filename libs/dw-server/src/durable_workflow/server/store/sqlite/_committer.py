"""The thread that commits, so that nobody else waits for the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeAlias

import apsw

from durable_workflow.server.store.sqlite._connection import Connection

Done: TypeAlias = Callable[[apsw.Error | None], None]


class Committer:
    """Commits what is open on a connection, one transaction at a time.

    Between `commit` and the call of its `done` the connection belongs to the thread alone.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._work: SimpleQueue[Done | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="dw-store-commit", daemon=True)
        self._thread.start()

    def commit(self, done: Done) -> None:
        """Commit, and call `done` in the thread with the error or None."""
        self._work.put(done)

    def stop(self) -> None:
        """End the thread once everything it was given is done."""
        self._work.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (done := self._work.get()) is not None:
            done(commit(self._connection))


def commit(connection: Connection) -> apsw.Error | None:
    """Commit the open transaction; the error that kept it from being committed, or None."""
    try:
        connection.execute("COMMIT").fetchall()
    except apsw.Error as error:
        return error
    return None
