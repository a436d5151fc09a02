"""The private event loop of all blocking clients of this process, in a thread of its own.

So a blocking call works wherever it is made: in a script, in any thread, and where the caller's own
thread runs an event loop, as in a notebook. The thread starts with the first call and ends with the
interpreter, after it has closed what is still open.
"""

import asyncio
import atexit
import os
import sys
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from durable_workflow.client._callers import CALLER

T = TypeVar("T")


class _Loop:
    """A loop that runs in a daemon thread until it is stopped."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="durable_workflow.sync", daemon=True)
        self._ends = False
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop, and wait for it; an interrupt of the wait cancels it."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(
                "a blocking client was called from its own event loop, as by a metrics recorder: "
                "that would wait for itself"
            )
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:
            if self._ends:
                # Only daemon threads still wait when the interpreter exits: they end with it,
                # without a traceback.
                raise SystemExit from None
            raise
        except BaseException:
            future.cancel()  # does nothing to one that has ended
            raise

    def stop(self, last: Callable[[], Awaitable[None]]) -> None:
        """End all tasks, do what is last, and end the thread."""
        self._ends = True
        asyncio.run_coroutine_threadsafe(self._end_all(last), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _end_all(self, last: Callable[[], Awaitable[None]]) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await last()
        await self._loop.shutdown_asyncgens()
        # The threads of the default executor have ended: the interpreter joins them before it
        # calls functions at exit. asyncio's shutdown of it would start a thread, which Python 3.12
        # refuses at that point.

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()


class Closable(ABC):
    """What the interpreter's exit closes: a base for weak references, with one method."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close it. May be called again."""


_lock = threading.Lock()
_current: list[_Loop] = []
_open: "weakref.WeakSet[Closable]" = weakref.WeakSet()


def wait(work: Coroutine[Any, Any, T], *, depth: int = 1) -> T:
    """Run a coroutine on the private loop, and return its result.

    Args:
        work: The coroutine.
        depth: How many frames above this one's caller the user's code is; warnings show its line.

    Raises:
        RuntimeError: The caller is on the private loop itself.
    """
    token = CALLER.set(sys._getframe(depth + 1))  # pyright: ignore[reportPrivateUsage]
    try:
        return _running().run(work)
    finally:
        CALLER.reset(token)


def close_at_exit(closable: Closable) -> None:
    """Close it when the interpreter exits, if it is there until then."""
    _open.add(closable)


def _running() -> _Loop:
    with _lock:
        # The thread of a parent process is not there after a fork.
        if not _current or _current[0].process != os.getpid():
            _current[:] = [_Loop()]
        return _current[0]


# Functions at exit run from the last to the first. Finalizers of connections run in one of them,
# which is registered with the first finalizer: here, so that connections are closed before.
weakref.finalize(_open, _open.clear)


@atexit.register
def _stop() -> None:
    with _lock:
        loops, _current[:] = list(_current), []
    for loop in loops:
        if loop.process == os.getpid():
            loop.stop(_close_all)


async def _close_all() -> None:
    await asyncio.gather(*(each.aclose() for each in list(_open)), return_exceptions=True)
