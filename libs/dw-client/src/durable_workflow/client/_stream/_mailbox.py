"""Tasks on their way from the thread of a stream to whoever asks for one."""

import asyncio
import threading
from collections import deque
from typing import Generic, TypeVar

from durable_workflow._meet import StreamEnded
from durable_workflow.client._stream._loop_calls import Loops

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A queue that is filled and emptied from any thread.

    Args:
        loops: The ways into the loops that wait.
    """

    def __init__(self, loops: Loops) -> None:
        self._loops = loops
        self._lock = threading.Lock()
        self._items: deque[T] = deque()
        self._waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[bool]]] = deque()
        self._closed = False

    def put(self, item: T) -> None:
        """Add an item, and wake whoever has waited longest."""
        with self._lock:
            self._items.append(item)
            self._wake_one()

    async def get(self, timeout: float) -> T | None:
        """The oldest item, or None when there was none for `timeout` seconds.

        Raises:
            StreamEnded: The mailbox is closed.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            woken = self._take_or_wait()
            if not isinstance(woken, _Wait):
                return woken
            timer = loop.call_at(deadline, _done, woken.future, False)
            try:
                was_woken = await woken.future
            except BaseException:
                self._leave(woken.future)
                raise
            finally:
                timer.cancel()
            if not was_woken:
                self._leave(woken.future)
                return None

    def close(self) -> None:
        """Give no more items out."""
        with self._lock:
            self._closed = True
            self._items.clear()
            while self._waiting:
                self._wake_one()

    def _take_or_wait(self) -> "T | _Wait":
        with self._lock:
            if self._closed:
                raise StreamEnded
            if self._items:
                return self._items.popleft()
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            self._waiting.append((loop, future))
            return _Wait(future)

    def _leave(self, future: asyncio.Future[bool]) -> None:
        with self._lock:
            self._waiting = deque(each for each in self._waiting if each[1] is not future)
            # It was woken, and takes nothing, as when it was cancelled: the next may.
            if self._items:
                self._wake_one()

    def _wake_one(self) -> None:
        while self._waiting:
            loop, future = self._waiting.popleft()
            if not loop.is_closed():
                self._loops.to(loop).call(_done, future, True)
                return


class _Wait:
    def __init__(self, future: asyncio.Future[bool]) -> None:
        self.future = future


def _done(future: asyncio.Future[bool], was_woken: bool) -> None:
    if not future.done():
        future.set_result(was_woken)
