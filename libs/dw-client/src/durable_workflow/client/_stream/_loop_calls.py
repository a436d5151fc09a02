"""Calls into an event loop from other threads: one wake-up for all that wait."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any


class LoopCalls:
    """The way into one event loop.

    Attributes:
        loop: The event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._woken = False
        self._running = False

    @property
    def is_idle(self) -> bool:
        """Whether every call that was handed over has been made. From any thread."""
        # In this order: what is taken out to be made was said to run before.
        return not self._waiting and not self._running

    def call(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Make a call on the loop soon, after those handed over before. From any thread.

        A loop that is closed forgets it.
        """
        self._waiting.append((callback, arguments))
        # Looked at after the append, and cleared before the calls are made: none is left behind.
        if not self._woken:
            self._wake()

    def call_first(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Make a call on the loop soon, before those handed over already. From any thread."""
        self._waiting.appendleft((callback, arguments))
        if not self._woken:
            self._wake()

    def run(self) -> None:
        """Make the calls that wait now. On the loop."""
        self._running = True
        self._woken = False
        try:
            for _ in range(len(self._waiting)):
                callback, arguments = self._waiting.popleft()
                callback(*arguments)
        finally:
            self._running = False
            if self._waiting and not self._woken:
                self._wake()

    def gather(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do some work, and then at once the calls that it has handed over. On the loop."""
        self._woken = True  # nobody wakes a loop that is about to make the calls
        try:
            work(*arguments)
        finally:
            self.run()

    def _wake(self) -> None:
        self._woken = True
        try:
            self.loop.call_soon_threadsafe(self.run)
        except RuntimeError:  # the loop is closed
            self._woken = False
            self._waiting.clear()


class Loops:
    """The ways into the event loops that use one stream."""

    def __init__(self) -> None:
        self._loops: dict[asyncio.AbstractEventLoop, LoopCalls] = {}

    def to(self, loop: asyncio.AbstractEventLoop) -> LoopCalls:
        """The way into a loop. From any thread."""
        loop_calls = self._loops.get(loop)
        return self._loops.setdefault(loop, LoopCalls(loop)) if loop_calls is None else loop_calls


class Answer:
    """What a request is answered with: known in the stream's thread, awaited where it was asked.

    Attributes:
        is_settled: Whether it is known, or nobody waits for it any more.
        future: The answer, on the loop that asked; None where nobody waits.
    """

    __slots__ = ("_loop_calls", "future", "is_settled")

    def __init__(self, loops: Loops | None) -> None:
        """Make it on the loop that asks.

        Args:
            loops: The ways into loops; None where nobody will wait for the answer.
        """
        self.is_settled = False
        self.future: asyncio.Future[Any] | None = None
        self._loop_calls: LoopCalls | None = None
        if loops is not None:
            loop = asyncio.get_running_loop()
            self.future = loop.create_future()
            self._loop_calls = loops.to(loop)

    def set(self, body: Any) -> None:
        """Give the answer, unless it is settled."""
        self._settle(_set_result, body)

    def fail(self, error: Exception) -> None:
        """Say why there is none, unless it is settled."""
        self._settle(_set_exception, error)

    def _settle(self, how: Callable[[asyncio.Future[Any], Any], None], value: Any) -> None:
        if self.is_settled:
            return
        self.is_settled = True
        if self._loop_calls is not None:
            self._loop_calls.call(how, self.future, value)


def _set_result(future: asyncio.Future[Any], body: Any) -> None:
    if not future.done():
        future.set_result(body)


def _set_exception(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
