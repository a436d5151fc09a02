"""One call of user code, the time that it has, and what it ended with.

A run may end in two ways, by itself or because a watchdog stops it, and both may come at once. It
is *claimed* by whoever decides, so that what the other one says is ignored.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, Generic, TypeVar, cast

from durable_workflow._wire.texts import error_text
from durable_workflow.worker._interrupts import is_ctrl_c

T = TypeVar("T")

_NEVER: Final = float("inf")


class CodeRun(Generic[T]):
    """One call in one of the threads, and the time that it has left.

    Args:
        work: The call.
        limit_seconds: How long user code may run; None for as long as it likes.
        future: Takes what the call returns or raises.
    """

    def __init__(
        self,
        work: Callable[["CodeRun[T]"], T],
        limit_seconds: float | None,
        future: "Future[T] | LoopFuture[T]",
    ) -> None:
        self.future = future
        # Made by the watchdog when it is needed: see `claim_to_interrupt`.
        self.injected: threading.Event | None = None
        self.interruptions = 0
        self._work = work
        self._limit = limit_seconds
        self._expires = _NEVER
        self._unclaimed = deque([True])

    def timed(self, extra_seconds: float = 0.0) -> "_Timed":
        """Count the time inside the block as time in user code.

        Args:
            extra_seconds: Added to the limit once, for work that is known to be long.
        """
        return _Timed(self, extra_seconds)

    def untimed(self) -> "_Untimed":
        """Inside `timed`: do work of the worker. User code then has the whole limit again."""
        return _Untimed(self)

    def begin_timed(self, extra_seconds: float = 0.0) -> None:
        """Count the time from here on as time in user code."""
        if self._limit is not None:
            expires = time.monotonic() + self._limit + extra_seconds
            self._expires = expires if self._expires == _NEVER else max(self._expires, expires)

    def end_timed(self) -> float:
        """Count no more; returns until when user code had its time."""
        expires, self._expires = self._expires, _NEVER
        return expires

    def go_on_timed(self, expires: float) -> None:
        """Count again after `end_timed`, which returned `expires`."""
        self._expires = expires
        if expires != _NEVER:
            self.begin_timed()

    def is_over(self, now: float) -> bool:
        """Whether user code has used up its time."""
        return now > self._expires

    def claim(self) -> bool:
        """Take the right to decide how this run ends. Only the first caller gets it."""
        try:
            return self._unclaimed.pop()
        except IndexError:
            return False

    def claim_to_interrupt(self) -> bool:
        """Take that right, and interrupt the code; `injected` is to be set then."""
        # Before the claim: whoever finds the run claimed waits for this.
        self.injected = threading.Event()
        return self.claim()

    @property
    def is_on_loop(self) -> bool:
        """Whether the thread of the event loop does it, and all else of the worker waits."""
        return isinstance(self.future, LoopFuture)

    @property
    def is_injected(self) -> bool:
        """Whether the interruption is on its way, or has come."""
        return self.injected is not None and self.injected.is_set()

    def wait_for_injection(self) -> None:
        """Of a run that the watchdog has claimed: wait until the interruption is on its way."""
        if self.injected is not None:
            self.injected.wait()

    def execute(self) -> bool:
        """Do the work and settle the future; False where the watchdog has done that."""
        if not self.future.set_running_or_notify_cancel():
            return self.claim()
        try:
            result = self._work(self)
        except BaseException as error:  # noqa: BLE001 - it is the future's now
            if not self.claim():
                return False
            self.future.set_exception(_carried(error))
        else:
            if not self.claim():
                return False
            self.future.set_result(result)
        return True


class LoopFuture(Generic[T]):
    """A future without locks, for a run on the loop: no other thread waits for what it gives."""

    __slots__ = ("_error", "_result")

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._result: T | None = None

    def set_running_or_notify_cancel(self) -> bool:
        """It can't be cancelled."""
        return True

    def set_result(self, result: T) -> None:
        """The run returned this."""
        self._result = result

    def set_exception(self, exception: BaseException | None) -> None:
        """The run raised this."""
        self._error = exception

    def result(self) -> T:
        """Return what the run returned, or raise what it raised."""
        if self._error is not None:
            error, self._error = self._error, None
            try:
                raise error
            finally:
                del error  # its traceback holds this frame
        return cast("T", self._result)


# Classes, and not generators: each task passes through, and a generator costs three times as much.
class _Timed:
    __slots__ = ("_extra_seconds", "_run")

    def __init__(self, run: CodeRun[Any], extra_seconds: float) -> None:
        self._run = run
        self._extra_seconds = extra_seconds

    def __enter__(self) -> None:
        self._run.begin_timed(self._extra_seconds)

    def __exit__(self, *_: object) -> None:
        self._run.end_timed()


class _Untimed:
    __slots__ = ("_expires", "_run")

    def __init__(self, run: CodeRun[Any]) -> None:
        self._run = run
        self._expires = _NEVER

    def __enter__(self) -> None:
        self._expires = self._run.end_timed()

    def __exit__(self, *_: object) -> None:
        self._run.go_on_timed(self._expires)


def _carried(error: BaseException) -> BaseException:
    """`error` in a form that the task awaiting the future may raise.

    An asyncio future refuses `StopIteration`, and hangs. A `CancelledError` would be taken for the
    cancellation of whoever waits, and `SystemExit` ends the event loop. So does Ctrl-C, as it
    should.
    """
    if (isinstance(error, Exception) and not isinstance(error, StopIteration)) or is_ctrl_c(error):
        return error
    text = error_text(error)
    carried = RuntimeError(
        f"user code raised {type(error).__name__}" + (f": {text}" if text else "")
    )
    carried.__cause__ = error
    return carried
