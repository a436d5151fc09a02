"""The life of a worker: register, serve, drain, end its threads."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from durable_workflow._meet import ServerUnreachable, StreamEnded
from durable_workflow._wire.extensions import HELD_TASKS, WORKER_STREAM
from durable_workflow.worker._background import Background, OpenStream
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._definitions import Identity
from durable_workflow.worker._dispatch import Dispatch
from durable_workflow.worker._line import Standing
from durable_workflow.worker._log import log
from durable_workflow.worker._loop_watch import LoopWatch
from durable_workflow.worker._machines import MachineCache
from durable_workflow.worker._pollers import Pollers
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._registration import Registration
from durable_workflow.worker._reporting import Reporter

# A poll that was answered just when the worker stops has leased a task: let it arrive.
_LAST_POLLS_SECONDS = 0.1
# For cancelled tasks to unwind. One whose code swallows the cancellation never does.
_UNWINDING_SECONDS = 0.5
# `stop` ends within a second after `shutdown_timeout`: this is what is left for the goodbye.
_GOODBYE_SECONDS = 0.3
# For the thread of the heartbeats to close its connection.
_THREAD_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker starts and ends."""

    registration: Registration
    pollers: Pollers
    dispatch: Dispatch
    background: Background
    standing: Standing
    open_stream: OpenStream
    reporter: Reporter
    watch: LoopWatch
    machines: MachineCache
    threads: tuple[CodeThreads, ...]


class Lifecycle:
    """Starts the parts of one worker, and ends them."""

    def __init__(
        self,
        identity: Identity,
        parts: Parts,
        *,
        pacing: Pacing,
        where: str,
        shutdown_timeout: float,
        can_clone: Callable[[], bool],
        can_stream: Callable[[], bool],
    ) -> None:
        """Nothing is started yet.

        Args:
            identity: Who the worker is.
            parts: What it is made of.
            pacing: Says when it stops.
            where: URL of the server, for log lines.
            shutdown_timeout: Seconds to wait for tasks in flight.
            can_clone: Whether the client can be copied for a thread.
            can_stream: Whether it can open a stream, too.
        """
        self._identity = identity
        self._parts = parts
        self._pacing = pacing
        self._where = where
        self._shutdown_timeout = shutdown_timeout
        self._can_clone = can_clone
        self._can_stream = can_stream
        self._stopping: asyncio.Task[None] | None = None
        self._is_serving = False

    async def serve(self) -> None:
        """Register, then serve the queue until the worker stops or this task is cancelled.

        Raises:
            RuntimeError: It serves already.
            Deregistered: An operator has taken the worker out; what it held is reported.
        """
        if self._is_serving:  # two streams of one session would end each other
            raise RuntimeError(f"worker {self._identity.worker_id} runs already")
        self._is_serving = True
        try:
            await self._serve()
        finally:
            self._is_serving = False

    async def _serve(self) -> None:
        if self._stopping is not None:
            log.warning(
                "worker %s was stopped, by stop() or at the end of run_until(), and does not serve "
                "task queue %s again: make a new Worker for it",
                self._identity.worker_id,
                self._identity.task_queue,
            )
        pollers = self._parts.pollers
        stopping = asyncio.ensure_future(self._pacing.stop.wait())
        try:
            if await self.start(streams=True):
                pollers.start()
                await asyncio.wait({stopping, *pollers.tasks}, return_when=asyncio.FIRST_COMPLETED)
            await self.stop()
            _raise_first(pollers.tasks)
        except asyncio.CancelledError:
            await self._abandon()
        finally:
            stopping.cancel()

    async def start(self, deadline: float | None = None, *, streams: bool) -> bool:
        """Register, and begin with heartbeats and queries; False where the worker stopped first.

        Args:
            streams: Whether to open a stream where the server has them.
            deadline: When to give up waiting for the server, on the monotonic clock.
        """
        registration, background = self._parts.registration, self._parts.background
        registration.streams = streams and self._can_stream()
        if not await registration.first(self._where, self._pacing, deadline):
            return False
        self._parts.reporter.patient = True
        self._parts.watch.start()
        # Asked anew: a test may have replaced a method while the server was waited for.
        can_clone = self._can_clone()
        in_stream = can_clone and registration.uses(WORKER_STREAM)
        background.start(
            in_thread=in_stream or (can_clone and registration.uses(HELD_TASKS)),
            open_stream=self._parts.open_stream if in_stream else None,
        )
        self._parts.pollers.start_queries()
        return True

    async def stop(self) -> None:
        """Stop asking for work, wait for what is in flight, and say goodbye."""
        self._pacing.stop.set()
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._shut_down(asyncio.current_task()))
        await asyncio.shield(self._stopping)

    async def _shut_down(self, caller: asyncio.Task[Any] | None) -> None:
        until = time.monotonic() + self._shutdown_timeout
        pollers, dispatch = self._parts.pollers, self._parts.dispatch
        if (stream := self._parts.standing.stream) is not None:
            stream.drain()
        thread, pollers.query_thread = pollers.query_thread, None
        # Its query ends a little before `until`, so that the rest has time for its own end.
        pollers.drains_until = until - _THREAD_SECONDS
        if thread is not None:
            thread.request_stop()
        await _end(pollers.tasks, _LAST_POLLS_SECONDS)
        if thread is not None:
            await thread.join(until - time.monotonic())
        # A task that calls `stop` itself must not be waited for.
        await _drain({each for each in dispatch.in_flight if each is not caller}, until)
        # That task is still to be reported, so what is held is not given up.
        await self._end_background(says_goodbye=caller not in dispatch.in_flight)

    async def _abandon(self) -> None:
        """The task of `run` was cancelled: end what it started, but wait for nothing."""
        self._pacing.stop.set()
        pollers = self._parts.pollers
        if pollers.query_thread is not None:
            pollers.query_thread.request_stop()
        await _end(pollers.tasks, 0.0)
        if self._stopping is None:
            await self._end_background(says_goodbye=True)

    async def _end_background(self, *, says_goodbye: bool) -> None:
        parts = self._parts
        registering = parts.registration.end()
        if says_goodbye:
            await self._close_stream()
        await _end(parts.background.request_stop() | registering, 0.0)
        if says_goodbye:
            await parts.registration.say_goodbye(_GOODBYE_SECONDS)
        await parts.background.join(_THREAD_SECONDS)
        parts.watch.stop()
        parts.machines.clear()
        for threads in parts.threads:
            threads.close()

    async def _close_stream(self) -> None:
        if (stream := self._parts.standing.stream) is not None:
            with contextlib.suppress(TimeoutError, StreamEnded, ServerUnreachable):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await stream.close()


def _raise_first(tasks: set[asyncio.Task[None]]) -> None:
    """Raise what one of them ended in; what others ended in is mostly the same."""
    ended = [each for each in tasks if each.done() and not each.cancelled()]
    errors = [error for each in ended if (error := each.exception()) is not None]
    if errors:
        raise errors[0]


async def _drain(tasks: set[asyncio.Task[Any]], until: float) -> None:
    if tasks:
        log.info("draining %d in-flight tasks", len(tasks))
        _, tasks = await asyncio.wait(tasks, timeout=max(0.0, until - time.monotonic()))
    if tasks:
        log.warning("cancelling %d tasks after the shutdown timeout", len(tasks))
        await _end(tasks, 0.0)


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
