"""The tasks that a worker works on: named in heartbeats, so that their leases are renewed.

A task is held from when it arrives until its report is over. Heartbeats go out from a thread of
their own, and read this from there.
"""

import asyncio
import functools
import logging
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from durable_workflow._meet import ATTEMPT_FIELDS
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.activity import ActivityContext
from durable_workflow.errors import ActivityCancelled
from durable_workflow.worker._log import log

T = TypeVar("T")


class Dropped(Exception):
    """The lease of the task was lost: its result is not reported."""


class HeldTasks:
    """What one worker holds. Tasks come and go on its event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, JsonObject] = {}
        self._running: dict[str, _Running] = {}

    def holding(self, kind: str, task: JsonObject) -> "_Holding":
        """Name a task in heartbeats until the block ends. One without an id can't be named."""
        task_id, attempt = task.get("task_id"), task.get(ATTEMPT_FIELDS[kind])
        if not isinstance(task_id, str) or not attempt:
            return _Holding(self, None)
        return _Holding(self, {"kind": kind, "task_id": task_id, "attempt": attempt})

    def hold(self, named: JsonObject) -> None:
        """Name a task in heartbeats from now on."""
        with self._lock:
            self._held[named["task_id"]] = named

    def let_go(self, named: JsonObject) -> None:
        """Name a task no more."""
        with self._lock:
            # The same task may have come again, as another attempt.
            if self._held.get(named["task_id"]) is named:
                del self._held[named["task_id"]]

    def stopping(self, task_id: str, context: ActivityContext) -> "_Stopping":
        """Run code of an activity that is told to stop when its task is dropped.

        The block raises `Dropped` then, in place of whatever the code ended with.
        """
        return _Stopping(self, task_id, _Running(context))

    def run(self, task_id: str, running: "_Running") -> None:
        """Note that code of an activity runs."""
        with self._lock:
            self._running[task_id] = running

    def end(self, task_id: str, running: "_Running") -> None:
        """Note that it has ended."""
        with self._lock:
            if self._running.get(task_id) is running:
                del self._running[task_id]

    def named(self) -> list[JsonObject]:
        """What to say in a heartbeat. From any thread."""
        with self._lock:
            return list(self._held.values())

    def drop(self, named: list[JsonObject], task_ids: object) -> None:
        """Drop tasks that the server says this worker does not hold any more. From any thread.

        Args:
            named: What the heartbeat named.
            task_ids: Ids of tasks, as they came.
        """
        if not isinstance(task_ids, list):
            return
        for each in named:
            if each["task_id"] in task_ids:
                self._drop(each)

    def drop_attempt(self, task_id: str, attempt: int | str) -> None:
        """Take the server's word that an attempt is not held. From any thread."""
        with self._lock:
            named = self._held.get(task_id)
        if named is not None and named["attempt"] == attempt:
            self._drop(named)

    def cancel(self, task_id: str, reason: str) -> None:
        """Have the code of an activity stop with `ActivityCancelled`. From any thread."""
        with self._lock:
            running = self._running.get(task_id)
        if running is not None:
            log.info("activity task %s is asked to stop: %s", task_id, reason)
            running.cancel()

    async def stoppable(self, task_id: str, code: Awaitable[T]) -> T:
        """Await the coroutine of an activity, so that `cancel` reaches it at any await."""
        with self._lock:
            running = self._running.get(task_id)
        return await (code if running is None else _Stoppable(code, running))

    def _drop(self, named: JsonObject) -> None:
        task_id = named["task_id"]
        with self._lock:
            if self._held.get(task_id) is not named:
                return  # reported meanwhile, or leased again
            del self._held[task_id]
            running = self._running.get(task_id)
        # Where no code runs a report is on its way: its answer says whether the task was lost.
        level = logging.DEBUG if running is None else logging.WARNING
        log.log(level, "%s task %s is not held by this worker any more", named["kind"], task_id)
        if running is not None:
            running.stop()


# Classes, and not generators: each task passes through, and a generator costs three times as much.
class _Holding:
    """A task is named in heartbeats inside; None where it can't be."""

    __slots__ = ("_held", "_named")

    def __init__(self, held: HeldTasks, named: JsonObject | None) -> None:
        self._held = held
        self._named = named

    def __enter__(self) -> None:
        if self._named is not None:
            self._held.hold(self._named)

    def __exit__(self, *_: object) -> None:
        if self._named is not None:
            self._held.let_go(self._named)


class _Stopping:
    """Code of an activity runs inside."""

    __slots__ = ("_held", "_running", "_task_id")

    def __init__(self, held: HeldTasks, task_id: str, running: "_Running") -> None:
        self._held = held
        self._task_id = task_id
        self._running = running

    def __enter__(self) -> None:
        self._held.run(self._task_id, self._running)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            if self._running.end():
                raise Dropped from error
        finally:
            self._held.end(self._task_id, self._running)


class _Stoppable(Awaitable[T]):
    """The coroutine of an activity: an interruption arrives in it as `ActivityCancelled`."""

    def __init__(self, code: Awaitable[T], running: "_Running") -> None:
        self._code = code
        self._running = running

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._code.__await__()
        resume: Callable[[], Any] = functools.partial(next, steps)
        running = self._running
        running.awaits_coroutine = True
        try:
            while True:
                try:
                    awaited = resume()
                except StopIteration as done:
                    result: T = done.value
                    return result
                try:
                    yield awaited
                    resume = functools.partial(next, steps)
                except asyncio.CancelledError as error:
                    interrupted = running.take_interrupt()
                    resume = _thrower(steps, ActivityCancelled() if interrupted else error)
                except BaseException as error:  # noqa: BLE001 - handed on to where it belongs
                    resume = _thrower(steps, error)
        finally:
            running.awaits_coroutine = False


def _thrower(steps: Any, error: BaseException) -> Callable[[], Any]:
    return functools.partial(steps.throw, error)


class _Running:
    """Code of an activity, in the task of the event loop that awaits it.

    Attributes:
        awaits_coroutine: Whether a coroutine is awaited that can be interrupted.
    """

    def __init__(self, context: ActivityContext) -> None:
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._dropped = False
        self._cancelled = False
        # How often `cancel` has interrupted a coroutine that has not been told of it yet.
        self._interrupts = 0
        self.awaits_coroutine = False
        # Whether the coroutine has been told that its task was dropped.
        self._told = False
        self._over = False

    def stop(self) -> None:
        """Tell the code to stop. From any thread."""
        self._dropped = True
        self._context._request_stop()  # pyright: ignore[reportPrivateUsage]
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cancel)

    def cancel(self) -> None:
        """Have the code raise `ActivityCancelled`: where it awaits, or with its next heartbeat.

        From any thread. A function in a thread can't be interrupted.
        """
        self._context._request_stop()  # pyright: ignore[reportPrivateUsage]
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._interrupt)

    def _interrupt(self) -> None:
        if self.awaits_coroutine and not self._over and self._task is not None:
            self._interrupts += 1
            self._task.cancel()

    def take_interrupt(self) -> bool:
        """Whether the cancellation that arrived is that of `cancel` or `stop`."""
        if self._dropped:
            told, self._told = self._told, True
            return self._cancelled and not told
        if not self._interrupts or self._task is None:
            return False
        self._interrupts -= 1
        return self._task.uncancel() == 0

    def end(self) -> bool:
        """The code has ended. Returns whether it was stopped because the task was dropped."""
        self._over = True
        if self._task is not None and self._cancelled:
            self._task.uncancel()
        return self._dropped and not (self._task is not None and self._task.cancelling())

    def _cancel(self) -> None:
        if not self._over and self._task is not None:
            self._cancelled = True
            self._task.cancel()
