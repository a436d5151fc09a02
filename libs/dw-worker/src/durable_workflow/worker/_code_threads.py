"""Threads that run user code, and the watchdog that stops code that runs for too long.

Workflow code is meant to run for microseconds between two yields, but nothing stops it from
looping for ever or from calling something that blocks. It runs on the event loop only while it is
quick (`_loop_code`). Otherwise it runs in one of these threads, with a limit, and a watchdog looks
at the threads several times within that limit. When a run exceeds it:

1. the run is *claimed*, so that whatever the thread still returns is ignored, and its future
   fails at once with the place where the code was found;
2. an exception is raised inside the thread. It ends a loop at its next bytecode. A blocking call
   delays it until the call returns, and the pool goes on with a new thread meanwhile.

A claimed run ends its thread: the exception may still be on its way, and must not hit a later run.
A call that never releases the interpreter lock stops the whole process, the watchdog included.
Nothing in Python can interrupt that.
"""

import contextlib
import ctypes
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from types import FrameType, FunctionType
from typing import Any, Final, Generic, TypeVar, cast

from durable_workflow._wire.texts import error_text
from durable_workflow.worker._interrupts import is_ctrl_c
from durable_workflow.worker._log import log
from durable_workflow.worker._places import frame_of, place_of

T = TypeVar("T")

_IDLE_SECONDS = 15.0
_CHECKS_PER_LIMIT = 8
_LONGEST_CHECK_SECONDS = 0.25
# Code that catches BaseException in a loop swallows the first interruption, and perhaps the next.
INTERRUPTIONS = 5
_NEVER: Final = float("inf")


class CodeInterrupted(BaseException):
    """Raised by the watchdog inside the code that overran."""


class CodeOverran(Exception):
    """User code held its thread for longer than the limit.

    Attributes:
        stack: Where it was found, as text.
    """

    def __init__(self, message: str, stack: str) -> None:
        super().__init__(message)
        self.stack = stack


class Run(Generic[T]):
    """One call in one of the threads, and the time that it has left.

    Args:
        work: The call.
        limit_seconds: How long user code may run; None for as long as it likes.
        future: Takes what the call returns or raises.
    """

    def __init__(
        self,
        work: Callable[["Run[T]"], T],
        limit_seconds: float | None,
        future: "Future[T] | Outcome[T]",
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


class Outcome(Generic[T]):
    """What a run ended with that no other thread waits for: a future without locks."""

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

    def __init__(self, run: Run[Any], extra_seconds: float) -> None:
        self._run = run
        self._extra_seconds = extra_seconds

    def __enter__(self) -> None:
        self._run.begin_timed(self._extra_seconds)

    def __exit__(self, *_: object) -> None:
        self._run.end_timed()


class _Untimed:
    __slots__ = ("_expires", "_run")

    def __init__(self, run: Run[Any]) -> None:
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


class _CodeThread(threading.Thread):
    """A thread of the pool, with the run that it is given next or is working on."""

    def __init__(self, name: str, main: Callable[["_CodeThread"], None], run: Run[Any]) -> None:
        # Daemon: code that never returns must not keep the process from ending.
        super().__init__(name=name, daemon=True)
        self._main = main
        self.mailbox: SimpleQueue[Run[Any] | None] = SimpleQueue()
        self.current: Run[Any] | None = run

    def run(self) -> None:
        with contextlib.suppress(CodeInterrupted):  # on its way when the run had just ended
            self._main(self)


class CodeThreads:
    """A pool of threads for user code. Usable from every thread and event loop."""

    def __init__(self, name: str, size: int, *, limit_seconds: float | None = None) -> None:
        """Make a pool; it starts threads when there is work.

        Args:
            name: Begins the names of the threads.
            size: Largest number of threads, not counting those that were given up.
            limit_seconds: How long user code may hold a thread; None for as long as it likes.
        """
        self._name = name
        self._size = size
        self._limit = limit_seconds
        self._lock = threading.Lock()
        self._idle: list[_CodeThread] = []
        self._live: set[_CodeThread] = set()
        self._given_up: set[_CodeThread] = set()
        self._waiting: deque[Run[Any]] = deque()
        self._watchdog: threading.Thread | None = None
        self._closed = False
        self._started = 0

    def submit(self, work: Callable[[Run[T]], T]) -> Future[T]:
        """Run `work` in a thread of the pool.

        Args:
            work: Called with its run, on which it says which part of it is user code.

        Returns:
            A future of what it returns or raises, or of `CodeOverran`.
        """
        future: Future[T] = Future()
        run = Run(work, self._limit, future)
        with self._lock:
            if self._idle:
                thread = self._idle.pop()
                thread.current = run
                thread.mailbox.put(run)
            elif len(self._live) < self._size:
                self._start(run)
            else:
                self._waiting.append(run)
        return future

    def close(self) -> None:
        """Let idle threads end; the others end with their work."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._live.difference_update(idle)
        for thread in idle:
            thread.mailbox.put(None)

    @property
    def given_up(self) -> int:
        """Threads whose code overran and has not returned since."""
        with self._lock:
            return len(self._given_up)

    def _start(self, run: Run[Any]) -> None:
        self._started += 1
        thread = _CodeThread(f"{self._name}-{self._started}", self._serve, run)
        self._live.add(thread)
        thread.start()
        if self._limit is not None and self._watchdog is None:
            self._watchdog = threading.Thread(
                target=self._watch, args=(self._limit,), name=f"{self._name}-watchdog", daemon=True
            )
            self._watchdog.start()

    def _serve(self, thread: _CodeThread) -> None:
        run = thread.current
        while run is not None:
            if not run.execute():
                # The watchdog names this thread by an id that a later thread may get: stay
                # until it has done so.
                run.wait_for_injection()
                break
            run = thread.current = self._next(thread)
        with self._lock:
            self._live.discard(thread)
            self._given_up.discard(thread)

    def _next(self, thread: _CodeThread) -> Run[Any] | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            if self._closed:
                return None
            thread.current = None
            self._idle.append(thread)
        with contextlib.suppress(Empty):
            return thread.mailbox.get(timeout=_IDLE_SECONDS)
        with self._lock:
            if thread in self._idle:
                self._idle.remove(thread)
                return None
        return thread.mailbox.get()

    # --- the watchdog -------------------------------------------------------------------

    def _watch(self, limit: float) -> None:
        while True:
            time.sleep(check_pause(limit))
            with self._lock:
                # A thread that was interrupted while it ended could not remove itself.
                self._given_up = {each for each in self._given_up if each.is_alive()}
                if not self._live and not self._given_up:
                    self._watchdog = None
                    return
                live, given_up = list(self._live), list(self._given_up)
            now = time.monotonic()
            for thread in live:
                run = thread.current
                if run is not None and run.is_over(now) and run.claim_to_interrupt():
                    self._give_up(thread, run, limit)
            for thread in given_up:
                self._insist(thread)

    def _give_up(self, thread: _CodeThread, run: Run[Any], limit: float) -> None:
        failure = describe(frame_of(cast("int", thread.ident)), limit)
        with self._lock:
            self._live.discard(thread)
            self._given_up.add(thread)
            if self._waiting and len(self._live) < self._size:
                self._start(self._waiting.popleft())
        run.future.set_exception(failure)
        interrupt(cast("int", thread.ident), run)
        inject(run)

    def _insist(self, thread: _CodeThread) -> None:
        run = thread.current
        if run is not None and thread.is_alive() and run.interruptions < INTERRUPTIONS:
            interrupt(cast("int", thread.ident), run)
            if run.interruptions == INTERRUPTIONS:
                log.warning("code in thread %s does not let itself be interrupted", thread.name)


def check_pause(limit: float) -> float:
    """Seconds between two looks of a watchdog."""
    return min(_LONGEST_CHECK_SECONDS, limit / _CHECKS_PER_LIMIT)


def interrupt(thread: int, run: Run[Any]) -> None:
    """Raise `CodeInterrupted` in a thread, at its next bytecode."""
    run.interruptions += 1
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(CodeInterrupted)
    )


def inject(run: Run[Any]) -> None:
    """Say that the interruption of a run is on its way."""
    assert run.injected is not None
    run.injected.set()


def revoke_interruption() -> None:
    """Have nothing come any more of what `interrupt` has not raised yet in this thread.

    It is replaced by one that is raised here. To take it back with null would leave Python 3.11
    looking for it for ever: slowly, and without end once a profiler or a tracer is set.
    """
    with contextlib.suppress(CodeInterrupted):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(threading.get_ident()), ctypes.py_object(CodeInterrupted)
        )
        while True:  # it comes at the next bytecode that jumps back
            pass


# What calls the user's code.
_EXECUTE: Final = cast("FunctionType", Run[Any].execute).__code__


def describe(frame: FrameType | None, limit: float) -> CodeOverran:
    """The error of code that was found there."""
    place = place_of(frame, within=_EXECUTE)
    at = "an unknown place" if place is None else place.text
    return CodeOverran(
        f"workflow code ran for more than {limit:g} s without yielding, at {at}",
        "" if place is None else place.stack,
    )
