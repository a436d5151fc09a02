"""Workflow code on the event loop's own thread, for as long as it has always been quick.

Handing a workflow task to a thread and back costs more than most tasks do. So the loop runs them
itself, once a task of the type has been quick in a thread. A type that then holds the loop for
longer than 20 ms, by computing or by blocking, runs in the code threads for the rest of the
process's life: it may delay others once.

A watchdog is over the loop as it is over the code threads. It interrupts code that overruns, and
the loop goes on with the next task. Before that the interruption must have come: it may be under
way when the code has just ended, and must not hit the loop.
"""

import asyncio
import contextvars
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from durable_workflow._wire.json_values import JsonObject, dict_or_none
from durable_workflow.worker._code_threads import (
    INTERRUPTIONS,
    CodeInterrupted,
    CodeThreads,
    Run,
    check_pause,
    describe,
    interrupt,
    revoke_interruption,
)
from durable_workflow.worker._log import log
from durable_workflow.worker._places import frame_of

try:
    from resource import RUSAGE_THREAD, getrusage
except ImportError:  # not on this system: then every pause of the thread counts

    def _waits() -> int:
        return 0

    _counts_waits = False
else:

    def _waits() -> int:
        """How often this thread has given up the processor of its own accord."""
        return getrusage(RUSAGE_THREAD).ru_nvcsw

    _counts_waits = True

T = TypeVar("T")

QUICK_SECONDS: Final = 0.02
# More than this is a thread's from the start: matching so many events, or decoding so much, takes
# long whatever the code does.
_MOST_EVENTS: Final = 100
_MOST_CHARACTERS: Final = 64 * 1024
# Checks without anything to watch after which the watchdog ends.
_IDLE_CHECKS: Final = 40


# The workflows that do not run on the loop any more.
_slow: weakref.WeakSet[type] = weakref.WeakSet()
# Those that have been quick: a call that never returns is mostly found in the first task of a type.
_quick: weakref.WeakSet[type] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class _Watched:
    """A run on a thread of a loop."""

    run: Run[Any]
    thread: int


class LoopCode:
    """Runs workflow code on the loop, or in code threads.

    Args:
        threads: Where code runs that may take long.
        limit_seconds: How long user code may run; None lets none run on the loop, because nothing
            would end it.
        may_block: Whether payloads are read or written by drivers, which may block.
    """

    def __init__(
        self, threads: CodeThreads, *, limit_seconds: float | None, may_block: bool = False
    ) -> None:
        self._threads = threads
        self._limit = limit_seconds
        self._allowed = limit_seconds is not None and not may_block
        self._lock = threading.Lock()
        self._watched: _Watched | None = None
        self._watchdog: threading.Thread | None = None

    async def run(self, workflow: type, events: list[JsonObject], work: Callable[[Run[T]], T]) -> T:
        """Do work that runs code of a workflow.

        Args:
            workflow: Its class.
            events: What the code is fed.
            work: Called with its run, on which it says which part of it is user code.

        Raises:
            CodeOverran: The code was stopped.
            Exception: What `work` raised.
        """
        if not self._allowed or workflow in _slow or not _is_light(events):
            return await asyncio.wrap_future(self._threads.submit(work))
        if workflow in _quick:
            return self._run_here(workflow, work)
        return await asyncio.wrap_future(self._threads.submit(_proving(workflow, work)))

    def _run_here(self, workflow: type, work: Callable[[Run[T]], T]) -> T:
        run = Run(work, self._limit)
        self._watched = _Watched(run, threading.get_ident())
        if self._watchdog is None:
            self._start_watchdog()
        waits, processor, began = _waits(), time.thread_time(), time.perf_counter()
        loop = asyncio.get_running_loop()
        # As in a code thread, where there is neither a loop nor a context of the worker's.
        asyncio._set_running_loop(None)
        try:
            settled = self._settle(run)
        finally:  # Ctrl-C may come at any line
            self._watched = None
            asyncio._set_running_loop(loop)
        took = time.perf_counter() - began
        if took > QUICK_SECONDS:
            if _counts_waits and settled and _waits() == waits:
                took = time.thread_time() - processor  # others had the processor meanwhile
            if took > QUICK_SECONDS:
                _bar(workflow, took)
        return run.future.result()

    def _settle(self, run: Run[Any]) -> bool:
        """Execute a run; False where the watchdog has interrupted it."""
        settled: bool | None = None
        while True:
            try:
                if settled is None:
                    # Stays so where an interruption comes before the next line ends.
                    settled = False
                    settled = contextvars.Context().run(run.execute)
                if not settled:
                    self._seal(run)
                return settled
            except CodeInterrupted:
                continue

    def _seal(self, run: Run[Any]) -> None:
        """Let the interruption of a run come, and none after it."""
        run.injected.wait()
        with self._lock:
            self._watched = None
            revoke_interruption()

    # --- the watchdog -------------------------------------------------------------------

    def _start_watchdog(self) -> None:
        assert self._limit is not None
        with self._lock:
            if self._watchdog is None:
                self._watchdog = threading.Thread(
                    target=self._watch, args=(self._limit,), name="loop-watchdog", daemon=True
                )
                self._watchdog.start()

    def _watch(self, limit: float) -> None:
        idle = 0
        while True:
            time.sleep(check_pause(limit))
            with self._lock:
                watched = self._watched
                idle = 0 if watched is not None else idle + 1
                if idle > _IDLE_CHECKS:
                    ended, self._watchdog = self._watchdog, None
                    # Code that began just now may have seen a watchdog.
                    if self._watched is None:
                        return
                    self._watchdog = ended
                if watched is not None:
                    self._check(watched, limit)

    def _check(self, watched: _Watched, limit: float) -> None:
        run = watched.run
        if run.injected.is_set():
            if run.interruptions < INTERRUPTIONS:
                interrupt(watched.thread, run)
        elif run.is_over(time.monotonic()) and run.claim():
            run.future.set_exception(describe(frame_of(watched.thread), limit))
            interrupt(watched.thread, run)
            run.injected.set()


def _proving(workflow: type, work: Callable[[Run[T]], T]) -> Callable[[Run[T]], T]:
    """The work; the workflow has proven quick where it is."""

    def timed(run: Run[T]) -> T:
        began = time.perf_counter()
        result = work(run)
        if time.perf_counter() - began <= QUICK_SECONDS:
            _quick.add(workflow)
        return result

    return timed


def _bar(workflow: type, seconds: float) -> None:
    _slow.add(workflow)
    log.info(
        "workflow %s held the event loop for %.0f ms: it runs in threads from now on",
        workflow.__qualname__,
        1000 * seconds,
    )


def _is_light(events: list[JsonObject]) -> bool:
    if len(events) > _MOST_EVENTS:
        return False
    for event in events:
        for value in (dict_or_none(event.get("payload")) or {}).values():
            envelope = dict_or_none(value)
            text = value if envelope is None else envelope.get("blob")
            if isinstance(text, str) and len(text) > _MOST_CHARACTERS:
                return False
    return True
