"""Pollers: ask for work, hand it on, ask again.

A poller takes a slot before it asks, so a task that arrives can always start. Several pollers of
one kind share the slots: with one alone, the round trip of a poll would bound how many tasks start
in a second.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, cast

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.metrics import (
    NOOP_METRICS,
    WORKER_POLL_DURATION_SECONDS,
    WORKER_POLLS,
    MetricsRecorder,
)
from durable_workflow.metrics._counting import count
from durable_workflow.worker._log import log
from durable_workflow.worker._reporting import is_unreachable, reason_of

POLLERS_PER_KIND = 4

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_JITTER = 0.25
# An empty answer that came sooner was not a long poll. After a few in a row the worker assumes that
# the server does not hold polls.
_INSTANT_SECONDS = 0.05
_INSTANTS_IN_A_ROW = 5
_LONGEST_INSTANT_PAUSE_SECONDS = 0.5
_HEAD_START_SECONDS = 0.005


class Slots(Protocol):
    """What bounds how many tasks run at once: an `asyncio.Semaphore`."""

    async def acquire(self) -> Any:
        """Wait for a slot and take it."""
        ...

    def release(self) -> None:
        """Give a slot back."""
        ...


class Pacing:
    """When the pollers of one event loop poll again: until `stop`, and after the right pauses."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.stop = stop
        self._reached = asyncio.Event()

    def reached(self) -> None:
        """The server has answered: pollers that wait for it to come back continue."""
        reached, self._reached = self._reached, asyncio.Event()
        reached.set()

    async def pause(self, seconds: float, *, until_reached: bool = False) -> None:
        """Wait, but not beyond `stop`.

        Args:
            seconds: How long.
            until_reached: Go on as soon as somebody else has reached the server.
        """
        waits = [asyncio.ensure_future(self.stop.wait())]
        if until_reached:
            waits.append(asyncio.ensure_future(self._reached.wait()))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def pause_after(
    failures: int,
    error: BaseException,
    *,
    jitter: float | None = None,
    longest: float = _LONGEST_PAUSE_SECONDS,
) -> float:
    """Seconds to wait after this many failures in a row, or longer if the server asks for it."""
    doubled = _FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10)
    seconds = min(longest, doubled)
    if failures > 1:
        spread = random.uniform(-_JITTER, _JITTER) if jitter is None else jitter
        seconds *= 1.0 + spread
    return max(seconds, _retry_after(error))


def _retry_after(error: BaseException) -> float:
    body = getattr(error, "body", None)
    if not isinstance(body, dict):
        return 0.0
    answer = cast("JsonObject", body)
    for key in ("retry_after_seconds", "retry_after"):
        seconds = answer.get(key)
        if isinstance(seconds, int | float) and not isinstance(seconds, bool):
            return min(float(seconds), _LONGEST_PAUSE_SECONDS)
    return 0.0


# Takes over a task that has come.
Begin: TypeAlias = Callable[[JsonObject], None]


@dataclass(slots=True)
class Waiting:
    """How many polls of one kind are out."""

    polls: int = 0


@dataclass(frozen=True)
class PollTarget:
    """What a poller asks for, and what becomes of the answer.

    Attributes:
        kind: `workflow`, `activity` or `query`.
        task_queue: Named in metrics.
        poll: Asks once. A task that a stream brings is given to what it is called with, where that
            is something, and returned nevertheless.
        start: Takes a task over, and returns it where it runs by itself. A slot, where there are
            slots, is its to release.
        begin: Does so at once, where a task runs by itself.
        slots: What bounds the tasks; None where `start` runs each task to its end.
        metrics: Where polls are counted.
        waiting: Shared by the pollers of a kind.
        is_pushed: Whether tasks come over a stream now, so that to poll again costs nothing.
        register_again: Called when the server has forgotten this worker.
    """

    kind: str
    task_queue: str
    poll: Callable[[Begin | None], Awaitable[Any]]
    start: Callable[[JsonObject], Awaitable[asyncio.Task[None] | None]]
    slots: Slots | None
    metrics: MetricsRecorder
    waiting: Waiting = field(default_factory=Waiting)
    is_pushed: Callable[[], bool] = lambda: False
    register_again: Callable[[], Awaitable[None]] | None = None
    begin: Callable[[JsonObject], object] | None = None

    async def poll_once(self, begin: Begin | None = None) -> JsonObject | None:
        """Ask once, and count it."""
        started = time.perf_counter()
        outcome = "error"
        self.waiting.polls += 1
        try:
            answer = await self.poll(begin)
            task = cast("JsonObject", answer) if isinstance(answer, dict) and answer else None
            outcome = "empty" if task is None else "task"
            log.debug("%s poll of task queue %s: %s", self.kind, self.task_queue, outcome)
            return task
        except asyncio.CancelledError:
            outcome = ""  # the worker stops: no answer, and no error either
            raise
        finally:
            self.waiting.polls -= 1
            if outcome and self.metrics is not NOOP_METRICS:
                tags = {
                    "task_kind": self.kind,
                    "task_queue": self.task_queue,
                    "outcome": outcome,
                }
                count(self.metrics, WORKER_POLLS, WORKER_POLL_DURATION_SECONDS, started, tags)


class Deregistered(RuntimeError):
    """An operator has taken this worker out: the server gives it nothing any more."""


class Poller:
    """One loop that asks for one kind of work."""

    def __init__(self, target: PollTarget, pacing: Pacing) -> None:
        self._target = target
        self._pacing = pacing
        self._failures = 0
        self._instants = 0
        self._has_begun = False  # what the last poll brought

    async def run(self) -> None:
        """Ask until the worker stops.

        Raises:
            Deregistered: An operator has taken this worker out.
        """
        slots = self._target.slots
        begin = None if self._target.begin is None else self._begin
        while not self._pacing.stop.is_set():
            if slots is not None:
                await slots.acquire()
            task: JsonObject | None = None
            problem: Exception | None = None
            self._has_begun = False
            started = time.perf_counter()
            try:
                if not self._pacing.stop.is_set():
                    task = await self._target.poll_once(begin)
            except Exception as error:  # noqa: BLE001 - a poller outlives whatever a poll raises
                problem = error
            finally:
                # Begun, it gives the slot back, though this poller was cancelled meanwhile.
                if task is None and not self._has_begun and slots is not None:
                    slots.release()
            if problem is not None:
                await self._recover(problem)
                continue
            if self._failures:
                self._failures = 0
                self._pacing.reached()
            if task is None:
                await self._after_empty(time.perf_counter() - started)
            elif self._has_begun:
                self._instants = 0
            else:
                self._instants = 0
                started_task = await self._target.start(task)
                competes = self._target.waiting.polls > 0 and not self._target.is_pushed()
                if started_task is not None and competes:
                    # Another poll waits already, so this one need not compete with the task for
                    # the interpreter: to build and send a request takes about as long as a replay.
                    await asyncio.wait({started_task}, timeout=_HEAD_START_SECONDS)

    def _begin(self, task: JsonObject) -> None:
        """A stream has brought a task, in a turn of the loop before that of this poller."""
        assert self._target.begin is not None
        self._target.begin(task)
        self._has_begun = True

    async def _recover(self, error: Exception) -> None:
        self._failures += 1
        _raise_if_taken_out(error)
        log.warning("%s poll failed: %s", self._target.kind, error)
        if reason_of(error) == "worker_not_registered" and self._target.register_again is not None:
            try:
                await self._target.register_again()
            except Exception as refused:  # noqa: BLE001 - incompatible now, or not back yet
                _raise_if_taken_out(refused)
                log.warning("could not register again: %s", refused)
                error = refused
            else:
                if self._failures == 1:
                    return
        await self._pacing.pause(
            pause_after(self._failures, error), until_reached=is_unreachable(error)
        )

    async def _after_empty(self, elapsed: float) -> None:
        self._instants = self._instants + 1 if elapsed < _INSTANT_SECONDS else 0
        beyond = self._instants - _INSTANTS_IN_A_ROW
        if beyond < 0:
            await asyncio.sleep(0)  # a transport that never waits must not keep the loop
        else:
            seconds = _INSTANT_SECONDS * 2.0 ** min(beyond, 5)
            await self._pacing.pause(min(seconds, _LONGEST_INSTANT_PAUSE_SECONDS))


def _raise_if_taken_out(error: Exception) -> None:
    if reason_of(error) == "worker_deregistered":
        text = "an operator deregistered this worker, and it stops: start it again to have it back"
        raise Deregistered(f"{text} ({error})") from error
