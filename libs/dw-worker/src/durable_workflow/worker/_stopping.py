"""The end of a worker: no more polls, tasks in flight drained, threads let go."""

import asyncio
import contextlib
import time
from typing import Any

from durable_workflow.worker._client_thread import ClientThread
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._log import log
from durable_workflow.worker._machines import MachineCache
from durable_workflow.worker._serving import Serving
from durable_workflow.worker._settings import Settings

# A poll that was answered just when the worker stops has leased a task: let it arrive.
_LAST_POLLS_SECONDS = 0.1
# For cancelled tasks to unwind. One whose code swallows the cancellation never does.
_UNWINDING_SECONDS = 0.5
# `stop` ends within a second after `shutdown_timeout`: this is what is left for the goodbye.
_GOODBYE_SECONDS = 0.3
# For the thread of the heartbeats to close its connection.
_THREAD_SECONDS = 0.1


class Stopping(Serving):
    """The part of a worker that ends it."""

    _settings: Settings
    _background: set[asyncio.Task[None]]
    _heartbeat_thread: ClientThread | None
    _stopping: asyncio.Task[None] | None
    _machines: MachineCache
    _workflow_threads: CodeThreads
    _activity_threads: CodeThreads

    async def stop(self) -> None:
        """Stop asking for work, and wait for what is in flight up to `shutdown_timeout`.

        What is left then is cancelled, and half a second later left behind. The worker says
        goodbye, so that what it did not report is free for others at once. May be called more than
        once.
        """
        self._stop.set()
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._shut_down(asyncio.current_task()))
        await asyncio.shield(self._stopping)

    async def _shut_down(self, caller: asyncio.Task[Any] | None) -> None:
        until = time.monotonic() + self._settings.shutdown_timeout
        thread, self._query_thread = self._query_thread, None
        if thread is not None:
            thread.request_stop()
        await _end(self._pollers, _LAST_POLLS_SECONDS)
        if thread is not None:
            await thread.join(until - time.monotonic())
        # Whoever stops the worker from inside a task must not be waited for.
        await self._drain({each for each in self._in_flight if each is not caller}, until)
        # That task is still to be reported, so what is held is not given up.
        await self._end_background(says_goodbye=caller not in self._in_flight)

    async def _drain(self, tasks: set[asyncio.Task[Any]], until: float) -> None:
        if tasks:
            log.info("draining %d in-flight tasks", len(tasks))
            _, tasks = await asyncio.wait(tasks, timeout=max(0.0, until - time.monotonic()))
        if tasks:
            log.warning("cancelling %d tasks after the shutdown timeout", len(tasks))
            await _end(tasks, 0.0)

    async def _abandon(self) -> None:
        """The task of `run` was cancelled: end what it started, but wait for nothing."""
        self._stop.set()
        if self._query_thread is not None:
            self._query_thread.request_stop()
        await _end(self._pollers, 0.0)
        if self._stopping is None:
            await self._end_background(says_goodbye=True)

    async def _end_background(self, *, says_goodbye: bool) -> None:
        self._drained.set()
        if self._heartbeat_thread is not None:
            self._heartbeat_thread.request_stop()
        registering = (
            set[asyncio.Task[None]]() if self._registering is None else {self._registering}
        )
        await _end(self._background | registering, 0.0)
        if says_goodbye:
            await self._say_goodbye(_GOODBYE_SECONDS)
        if self._heartbeat_thread is not None:
            await self._heartbeat_thread.join(_THREAD_SECONDS)
        self._machines.clear()
        self._workflow_threads.close()
        self._activity_threads.close()


async def _end(tasks: set[asyncio.Task[Any]], seconds: float) -> None:
    """Give tasks some time to end by themselves, then cancel them."""
    mine = {each for each in tasks if each is not asyncio.current_task()}
    if not mine:
        return
    if seconds > 0:
        await asyncio.wait(mine, timeout=seconds)
    for each in mine:
        each.cancel()
    ended = asyncio.gather(*mine, return_exceptions=True)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait({ended}, timeout=_UNWINDING_SECONDS)
    if left := sum(not each.done() for each in mine):
        log.warning("%d tasks do not let themselves be cancelled", left)
