"""Reads beside the writer, on connections of their own.

They run on the loop: in a thread a thousand rows are a thousand hand-overs of the interpreter lock,
and two milliseconds here. A statement that goes through a million rows and returns a few is another
matter. It takes some hundred milliseconds, in which SQLite does not hold the lock: in a thread it
costs a processor, and on the loop it would hold up everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final, TypeVar

from durable_workflow.server.clock import Clock
from durable_workflow.server.store.errors import StoreUnavailable
from durable_workflow.server.store.sqlite._changes import Ways
from durable_workflow.server.store.sqlite._connection import Connection
from durable_workflow.server.store.sqlite._database import Database
from durable_workflow.server.store.sqlite._transaction import SqliteRead, one_snapshot, translated

T = TypeVar("T")

# Between two interruptions of a read that is to end.
_INTERRUPT_SECONDS: Final = 0.01


class Reads:
    """Runs what only looks, on one snapshot each time."""

    def __init__(self, database: Database, ways: Ways, clock: Clock) -> None:
        self._database = database
        self._ways = ways
        self._clock = clock
        # Made when something is read apart for the first time.
        self._thread: ThreadPoolExecutor | None = None
        self._apart: Connection | None = None
        self._running: set[Future[Any]] = set()
        self._closed = False

    def run(self, work: Callable[[SqliteRead], T]) -> T:
        """Run `work` on the loop.

        Raises:
            StoreUnavailable: Nothing can be read, or the store is closed.
        """
        self._check_open()
        connection = self._database.reader
        if self._database.in_memory:
            # No transaction is open now, and none begins before `work` is done.
            return work(self._view(connection))
        with one_snapshot(connection):
            return work(self._view(connection))

    async def run_apart(self, work: Callable[[SqliteRead], T]) -> T:
        """Run `work` in a thread; in memory there is one connection, and so no second thread.

        Raises:
            StoreUnavailable: Nothing can be read, or the store is closed.
        """
        self._check_open()
        if self._database.in_memory:
            return self.run(work)
        if self._thread is None:
            with translated("cannot open a connection"):
                self._apart = self._database.connect()
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="dw-server-reads")
        future = self._thread.submit(self._run_apart, work)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return await asyncio.wrap_future(future)

    def _run_apart(self, work: Callable[[SqliteRead], T]) -> T:
        self._check_open()
        connection = self._apart
        assert connection is not None
        with one_snapshot(connection):
            return work(self._view(connection))

    def _view(self, connection: Connection) -> SqliteRead:
        return SqliteRead(connection, self._ways, self._clock.now())

    def close(self) -> None:
        """Read no more. What is read apart ends with an error for its caller."""
        self._closed = True
        if self._thread is None or self._apart is None:
            return
        self._thread.shutdown(wait=False, cancel_futures=True)
        # An interruption ends the statement that runs, and not one that is about to begin.
        while running := {each for each in self._running.copy() if not each.done()}:
            self._apart.interrupt()
            wait(running, timeout=_INTERRUPT_SECONDS)
        self._thread.shutdown()
        self._apart.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")
