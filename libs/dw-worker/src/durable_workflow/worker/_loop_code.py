"""Workflow code on the event loop's own thread, for as long as it is quick.

Handing a workflow task to a thread and back costs more than most tasks do. So the loop runs them
itself, once a task of the type has been quick in a thread. `_paces` says which types these are: a
type that holds the loop too often, by computing or by blocking, runs in the code threads until it
has been quick there for some time.

A watchdog is over the loop as it is over the code threads. It interrupts code that overruns, and
the loop goes on with the next task. Before that the interruption must have come: it may be under
way when the code has just ended, and must not hit the loop.
"""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from durable_workflow._wire.json_values import JsonObject, object_or_empty
from durable_workflow.worker._code_runs import CodeRun, LoopFuture
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._overruns import (
    INTERRUPTIONS,
    CodeInterrupted,
    CodeOverran,
    check_pause,
    describe,
    inject,
    interrupt,
    revoke_interruption,
)
from durable_workflow.worker._paces import Pace, Timing, pace_of
from durable_workflow.worker._places import frame_of

T = TypeVar("T")

# More than this is a thread's from the start: matching so many events, or decoding so much, takes
# long whatever the code does.
_MOST_EVENTS: Final = 100
_MOST_CHARACTERS: Final = 64 * 1024
# Checks without anything to watch after which the watchdog ends.
_IDLE_CHECKS: Final = 40


@dataclass(frozen=True, slots=True)
class _Watched:
    """A run on a thread of a loop."""

    run: CodeRun[Any]
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

    def may_run_here(self, workflow: type) -> bool:
        """Whether code of this workflow may run on the loop."""
        return self._allowed and self._pace_of(workflow).is_quick

    def run_here(self, workflow: type, work: Callable[[CodeRun[T]], T]) -> T:
        """Do work that may run here at once; see `run`."""
        pace = self._pace_of(workflow)
        try:
            return self._run_here(pace, work)
        except CodeOverran:
            pace.note_overrun()
            raise

    async def run(
        self, workflow: type, events: list[JsonObject], work: Callable[[CodeRun[T]], T]
    ) -> T:
        """Do work that runs code of a workflow.

        Args:
            workflow: Its class.
            events: What the code is fed.
            work: Called with its run, on which it says which part of it is user code.

        Raises:
            CodeOverran: The code was stopped.
            Exception: What `work` raised.
        """
        if not self._allowed:
            return await asyncio.wrap_future(self._threads.submit(work))
        pace, light = self._pace_of(workflow), _is_light(events)
        if pace.is_quick and light:
            return self.run_here(workflow, work)
        noted = _noted(pace, work) if light else work
        try:
            return await asyncio.wrap_future(self._threads.submit(noted))
        except CodeOverran:
            pace.note_overrun()
            raise

    def _pace_of(self, workflow: type) -> Pace:
        return pace_of(workflow)

    def _run_here(self, pace: Pace, work: Callable[[CodeRun[T]], T]) -> T:
        future: LoopFuture[T] = LoopFuture()  # `LoopFuture[T]()` takes ten times as long
        run = CodeRun(work, self._limit, future)
        self._watched = _Watched(run, threading.get_ident())
        if self._watchdog is None:
            self._start_watchdog()
        timing = Timing()
        loop = asyncio.get_running_loop()
        # As in a code thread, where there is neither a loop nor a context of the worker's.
        asyncio._set_running_loop(None)
        try:
            self._settle(run)
        finally:  # Ctrl-C may come at any line
            self._watched = None
            asyncio._set_running_loop(loop)
        pace.note(timing.held_seconds())
        return future.result()

    def _settle(self, run: CodeRun[Any]) -> None:
        """Execute a run, and let it be interrupted by the watchdog."""
        settled: bool | None = None
        while True:
            try:
                if settled is None:
                    # Stays so where an interruption comes before the next line ends.
                    settled = False
                    settled = contextvars.Context().run(run.execute)
                if not settled:
                    self._seal(run)
                return
            except CodeInterrupted:
                continue

    def _seal(self, run: CodeRun[Any]) -> None:
        """Let the interruption of a run come, and none after it."""
        run.wait_for_injection()
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
        if run.is_injected:
            if run.interruptions < INTERRUPTIONS:
                interrupt(watched.thread, run)
        elif run.is_over(time.monotonic()) and run.claim_to_interrupt():
            run.future.set_exception(describe(frame_of(watched.thread), limit))
            interrupt(watched.thread, run)
            inject(run)


def _noted(pace: Pace, work: Callable[[CodeRun[T]], T]) -> Callable[[CodeRun[T]], T]:
    """The work; how long it takes is noted."""

    def timed(run: CodeRun[T]) -> T:
        timing = Timing()
        try:
            return work(run)
        finally:
            pace.note(timing.held_seconds())

    return timed


def _is_light(events: list[JsonObject]) -> bool:
    if len(events) > _MOST_EVENTS:
        return False
    for event in events:
        for value in object_or_empty(event.get("payload")).values():
            if isinstance(value, str):  # most are texts
                if len(value) > _MOST_CHARACTERS:
                    return False
            elif isinstance(value, dict):
                blob = cast("JsonObject", value).get("blob")
                if isinstance(blob, str) and len(blob) > _MOST_CHARACTERS:
                    return False
    return True
