"""Tasks on their way from the thread of a stream to whoever asks for one."""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from durable_workflow._meet import StreamEnded
from durable_workflow.client._stream._loop_calls import Loops

T = TypeVar("T")
R = TypeVar("R")


class Mailbox(Generic[T]):
    """A queue that is filled and emptied from any thread.

    Args:
        loops: The ways into the loops that wait.
        hurried: Whether an item is handed over before what else came with it.
    """

    def __init__(self, loops: Loops, *, hurried: bool = False) -> None:
        self._loops = loops
        self._hurried = hurried
        self._lock = threading.Lock()
        self._items: deque[T] = deque()
        self._waiting: deque[_Wait[T]] = deque()
        self._closed = False

    def put(self, item: T) -> None:
        """Add an item, and wake whoever has waited longest."""
        with self._lock:
            self._items.append(item)
            self._wake_one()

    async def get(self, timeout: float, take: Callable[[T], R]) -> R | None:
        """What `take` makes of the oldest item, or None when there was none for so many seconds.

        Args:
            timeout: How long to wait, in seconds.
            take: Called on this loop as soon as there is an item, before whoever waits goes on.

        Raises:
            StreamEnded: The mailbox is closed.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            waiting = self._take_or_wait(take)
            if isinstance(waiting, tuple):
                return take(waiting[0])
            timer = loop.call_at(deadline, waiting.end, None)
            try:
                woken = await waiting.future
            except BaseException:
                self._leave(waiting)
                raise
            finally:
                timer.cancel()
            if woken is None:
                self._leave(waiting)
                return None
            if woken:
                return cast("R", woken[0])

    def close(self) -> None:
        """Give no more items out."""
        with self._lock:
            self._closed = True
            self._items.clear()
            while self._waiting:
                self._wake_one()

    def _take_or_wait(self, take: Callable[[T], Any]) -> "tuple[T] | _Wait[T]":
        with self._lock:
            if self._closed:
                raise StreamEnded
            if self._items:
                return (self._items.popleft(),)
            waiting = _Wait(asyncio.get_running_loop(), take)
            self._waiting.append(waiting)
            return waiting

    def _leave(self, waiting: "_Wait[T]") -> None:
        with self._lock:
            self._waiting = deque(each for each in self._waiting if each is not waiting)
            # It was woken, and takes nothing, as when it was cancelled: the next may.
            if self._items:
                self._wake_one()

    def _wake_one(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.loop.is_closed():
                calls = self._loops.to(waiting.loop)
                call = calls.call_first if self._hurried else calls.call
                call(self._hand_over, waiting)
                return

    def _hand_over(self, waiting: "_Wait[T]") -> None:
        """Have whoever waits take the oldest item. On its loop."""
        if waiting.future.done():
            return  # it has left, or is about to, and wakes another one
        with self._lock:
            items = [self._items.popleft()] if self._items else []
        try:
            # None where another was quicker: it waits again, or finds that this is closed.
            waiting.end(tuple(waiting.context.run(waiting.take, item) for item in items))
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            if not waiting.future.done():
                waiting.future.set_exception(error)


class _Wait(Generic[T]):
    """One call of `Mailbox.get` that waits for an item.

    Attributes:
        loop: The loop that it waits on.
        take: Called with the item.
        context: The context of that call: else it would be that of the thread that brings the item.
        future: Done with what `take` returned, alone in a tuple; with an empty tuple, to look
            again; with None, when the time is up.
    """

    __slots__ = ("context", "future", "loop", "take")

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[T], Any]) -> None:
        self.loop = loop
        self.take = take
        self.context = contextvars.copy_context()
        self.future: asyncio.Future[tuple[Any, ...] | None] = loop.create_future()

    def end(self, taken: tuple[Any, ...] | None) -> None:
        """End the wait, unless that call has left."""
        if not self.future.done():
            self.future.set_result(taken)
