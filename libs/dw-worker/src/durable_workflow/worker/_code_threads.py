"""Threads that run user code, and the watchdog that stops code that runs for too long.

Workflow code is meant to run for microseconds between two yields, but nothing stops it from
looping for ever or from calling something that blocks. It runs on the event loop only while it is
quick (`_loop_code`). Otherwise it runs in one of these threads, with a limit, and a watchdog looks
at the threads several times within that limit. When a run exceeds it:

1. the run is claimed, so that whatever the thread still returns is ignored, and its future fails at
   once with the place where the code was found;
2. the code is interrupted (`_overruns`). A blocking call delays that until it returns, and the pool
   goes on with a new thread meanwhile.

A claimed run ends its thread: the exception may still be on its way, and must not hit a later run.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, cast

from durable_workflow.worker._code_runs import CodeRun
from durable_workflow.worker._log import log
from durable_workflow.worker._overruns import (
    INTERRUPTIONS,
    CodeInterrupted,
    check_pause,
    describe,
    inject,
    interrupt,
)
from durable_workflow.worker._places import frame_of

T = TypeVar("T")

_IDLE_SECONDS = 15.0


class _CodeThread(threading.Thread):
    """A thread of the pool, with the run that it is given next or is working on."""

    def __init__(self, name: str, main: Callable[["_CodeThread"], None], run: CodeRun[Any]) -> None:
        # Daemon: code that never returns must not keep the process from ending.
        super().__init__(name=name, daemon=True)
        self._main = main
        self.mailbox: SimpleQueue[CodeRun[Any] | None] = SimpleQueue()
        self.current: CodeRun[Any] | None = run

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
        self._waiting: deque[CodeRun[Any]] = deque()
        self._watchdog: threading.Thread | None = None
        self._closed = False
        self._started = 0

    def submit(self, work: Callable[[CodeRun[T]], T]) -> Future[T]:
        """Run `work` in a thread of the pool.

        Args:
            work: Called with its run, on which it says which part of it is user code.

        Returns:
            A future of what it returns or raises, or of `CodeOverran`.
        """
        future: Future[T] = Future()
        run = CodeRun(work, self._limit, future)
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

    def _start(self, run: CodeRun[Any]) -> None:
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

    def _next(self, thread: _CodeThread) -> CodeRun[Any] | None:
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

    def _give_up(self, thread: _CodeThread, run: CodeRun[Any], limit: float) -> None:
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
