"""Committing: on the spot where that is quick, else in a thread, so that nobody else waits.

A commit takes as long as the disk takes to sync: a fifth of a millisecond on a good one, many on a
bad one, and now and then much longer. Through the thread the event loop goes on meanwhile, but two
hand-overs of the interpreter lock and a wake-up of the loop come on top, which cost more than a
quick sync does: a third of the server's processor time when requests come one by one. So a small
batch is committed on the spot while the disk has been quick of late. A large batch always goes
through the thread: there is enough to do meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Final, NamedTuple, Protocol, TypeAlias

import apsw

from durable_workflow.server.store.sqlite._connection import Executing

_log = logging.getLogger(__name__)

# What a small batch is, and what a quick disk.
_SMALL: Final = 2
_QUICK_SECONDS: Final = 0.001
# How much one commit counts in the average: after a slow one of 100 ms it takes some fifty quick
# ones, through the thread, until the disk is trusted again.
_WEIGHT: Final = 0.1


class Committed(NamedTuple):
    """How a commit ended: what kept it from happening, or None, and how long it took."""

    error: apsw.Error | None
    seconds: float


Done: TypeAlias = Callable[[Committed], None]


class CommitPace:
    """How quick the disk has been of late."""

    def __init__(self) -> None:
        # Not trusted before it has shown it.
        self._average = 2 * _QUICK_SECONDS

    def note(self, seconds: float) -> None:
        """A commit took so long."""
        self._average += _WEIGHT * (seconds - self._average)

    def on_the_spot(self, units: int) -> bool:
        """Whether a batch of so many units is best committed on the spot."""
        return units <= _SMALL and self._average < _QUICK_SECONDS


class Commits(Protocol):
    """Commits what is open on a connection, one transaction at a time."""

    def commit(self, done: Done) -> None:
        """Commit, and call `done`, in whatever thread."""
        ...

    def run_apart(self, work: Callable[[], None]) -> None:
        """Run something that no commit has to wait for."""
        ...

    def stop(self) -> None:
        """Return once everything that was given is done."""
        ...


MakeCommits: TypeAlias = Callable[[Executing], Commits]


class Committer:
    """Commits what is open on a connection, one transaction at a time, in a thread.

    Between `commit` and the call of its `done` the connection belongs to the thread alone.

    Args:
        cursor: That of the units: a statement of theirs that was not run to its end would keep
            another from committing, and here it is ended.
    """

    def __init__(self, cursor: Executing) -> None:
        self._cursor = cursor
        self._work: SimpleQueue[Done | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="dw-store-commit", daemon=True)
        self._thread.start()
        # Its thread is made when there is something for it.
        self._apart = ThreadPoolExecutor(1, thread_name_prefix="dw-store-apart")

    def commit(self, done: Done) -> None:
        """Commit, and call `done` in the thread."""
        self._work.put(done)

    def run_apart(self, work: Callable[[], None]) -> None:
        """Run `work`, which raises nothing, in a second thread."""
        self._apart.submit(work)

    def stop(self) -> None:
        """End the threads once everything they were given is done."""
        self._work.put(None)
        self._thread.join()
        self._apart.shutdown()

    def _serve(self) -> None:
        while (done := self._work.get()) is not None:
            done(commit(self._cursor))


def commit(writer: Executing) -> Committed:
    """Commit the open transaction, here and now."""
    began = time.perf_counter()
    error: apsw.Error | None = None
    try:
        writer.execute("COMMIT").fetchall()
    except apsw.Error as caught:
        error = caught
    return Committed(error, time.perf_counter() - began)


def call_in(
    loop: asyncio.AbstractEventLoop, done: Callable[[Committed], None], how: Committed
) -> None:
    """Call `done` in the loop, from another thread."""
    try:
        loop.call_soon_threadsafe(done, how)
    except RuntimeError:
        _log.warning("the event loop was closed before a commit was answered")
