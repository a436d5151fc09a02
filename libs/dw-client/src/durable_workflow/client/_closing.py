"""Ending the calls that are under way when their client is closed.

A call may wait for as long as a server holds its response. `aclose` cancels what waits, and the
block that the call runs in raises `ClientClosed` in place of that cancellation, as
`asyncio.timeout` raises `TimeoutError`. A cancellation that comes from elsewhere stays one.
"""

import asyncio
from types import TracebackType

from durable_workflow.errors import ClientClosed


class OpenCalls:
    """The calls of one client that are under way: of each task the innermost one."""

    def __init__(self) -> None:
        self._closed = False
        self._open: dict[asyncio.Task[object], OpenCall] = {}

    def one(self) -> "OpenCall":
        """A block that is ended when the client is closed, and not begun after that."""
        return OpenCall(self)

    def enter(self, task: asyncio.Task[object], call: "OpenCall") -> "OpenCall | None":
        """Count a call of a task; returns the one that it is within.

        Raises:
            ClientClosed: The client is closed.
        """
        if self._closed:
            raise ClientClosed
        outer = self._open.get(task)
        self._open[task] = call
        return outer

    def leave(self, task: asyncio.Task[object], outer: "OpenCall | None") -> None:
        """Count the innermost call of a task no more."""
        if outer is None:
            del self._open[task]
        else:
            self._open[task] = outer

    def end(self) -> None:
        """End all calls that are under way, and let none begin. May be called again."""
        self._closed = True
        for call in list(self._open.values()):
            call.end()


class OpenCall:
    """One call, in the task that waits for it."""

    __slots__ = ("_cancelling", "_ended", "_left", "_of", "_outer", "_task")

    _task: "asyncio.Task[object]"

    def __init__(self, of: OpenCalls) -> None:
        self._of = of
        self._outer: OpenCall | None = None
        self._cancelling = 0
        self._ended = False
        self._left = False

    def end(self) -> None:
        """Cancel what waits, on the loop where it does."""
        loop = self._task.get_loop()
        if loop is asyncio.get_running_loop():
            self._cancel()
        elif not loop.is_closed():
            loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if not self._ended and not self._left:
            self._ended = True
            self._task.cancel()

    def __enter__(self) -> None:
        """Begin the call.

        Raises:
            ClientClosed: The client is closed.
        """
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._outer = self._of.enter(task, self)
        self._cancelling = task.cancelling()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the call.

        Raises:
            ClientClosed: It was cancelled because the client is closed.
        """
        self._left = True
        self._of.leave(self._task, self._outer)
        if not self._ended:
            return
        is_only_ours = self._task.uncancel() <= self._cancelling
        if kind is asyncio.CancelledError and is_only_ours:
            raise ClientClosed from None
