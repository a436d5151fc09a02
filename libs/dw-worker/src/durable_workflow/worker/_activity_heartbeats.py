"""Heartbeats of an activity: sent as the code asks, or in the background as its options say."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from durable_workflow._meet import HeartbeatOptions, Lease, WorkerTransport
from durable_workflow._wire.json_values import JsonObject, object_or_empty
from durable_workflow.worker._contained import Ended
from durable_workflow.worker._held import Dropped
from durable_workflow.worker._log import log
from durable_workflow.worker._reporting import Reporter
from durable_workflow.worker._tasks import ActivityTask

# A third of the heartbeat timeout: two may be lost. Without a timeout only to learn of a
# cancellation.
_PER_TIMEOUT: Final = 3
_LONGEST_SECONDS: Final = 10.0
# How long the report of a failure waits for what the attempt said before it.
_REST_SECONDS: Final = 10.0


class DirectHeartbeats:
    """Each heartbeat is a request, and its answer the server's.

    Attributes:
        sent: Whether there was any.
    """

    def __init__(self, reporter: Reporter, task: ActivityTask) -> None:
        self.sent = False
        self._reporter = reporter
        self._task = task

    async def heartbeat_activity_task(
        self,
        *,
        task_id: str,
        activity_attempt_id: str,
        lease_owner: str,
        details: JsonObject | None = None,
    ) -> Any:
        """Report progress of an attempt; the answer may ask it to stop."""
        self.sent = True
        lease = Lease("activity", task_id, activity_attempt_id, lease_owner)
        return await self._reporter.heartbeat(self._task, lease, details)


class BackgroundHeartbeats:
    """Heartbeats of one attempt are sent in the background, with the newest details.

    Args:
        transport: What they are sent through.
        reporter: Sends the last one, which waits for a server that is away.
        task: The task of the attempt.
        lease: The attempt.
        seconds: Least time between two.
        always: Send one also where the code has nothing to say.
        cancel: Called once the server asks the attempt to stop.

    Attributes:
        sent: Whether there was any.
    """

    def __init__(
        self,
        transport: WorkerTransport,
        reporter: Reporter,
        task: ActivityTask,
        lease: Lease,
        *,
        seconds: float,
        always: bool,
        cancel: Callable[[], None],
    ) -> None:
        self.sent = False
        self._transport = transport
        self._reporter = reporter
        self._task = task
        self._lease = lease
        self._seconds = seconds
        self._always = always
        self._cancel = cancel
        self._is_stopped = False
        self._details: JsonObject | None = None
        self._news = asyncio.Event()

    async def heartbeat_activity_task(
        self,
        *,
        task_id: str,
        activity_attempt_id: str,
        lease_owner: str,
        details: JsonObject | None = None,
    ) -> Any:
        """Keep what is to be reported, for the heartbeat that comes next."""
        del task_id, activity_attempt_id, lease_owner  # those of the lease
        self._details = details
        self._news.set()
        return {}

    async def send(self) -> None:
        """Send heartbeats until cancelled or told to stop."""
        while True:
            if not self._always:
                await self._news.wait()
            self._news.clear()
            await self._send(self._transport.heartbeat(self._lease, self._details))
            if self._is_stopped:
                self._cancel()
                return
            await asyncio.sleep(self._seconds)

    async def send_rest(self) -> None:
        """Send what no heartbeat has carried yet. Call it after `send` has ended.

        An attempt that was told to stop says no more: nobody would take it.
        """
        if self._details is not None and not self._is_stopped:
            await self._send(self._patiently())

    async def _patiently(self) -> Any:
        """Send the last heartbeat, and wait for the server if it is away."""
        async with asyncio.timeout(_REST_SECONDS):
            return await self._reporter.heartbeat(self._task, self._lease, self._details)

    async def _send(self, heartbeat: Awaitable[Any]) -> None:
        """Send a heartbeat with the newest details, and note whether it is answered with a stop."""
        self.sent = True
        try:
            reply: object = await heartbeat
        except Exception as error:  # noqa: BLE001 - the next one may arrive
            log.warning("heartbeat of %s failed: %s: %s", self._task, type(error).__name__, error)
            return
        if not self._news.is_set():
            self._details = None
        self._is_stopped = bool(object_or_empty(reply).get("cancel_requested"))


@asynccontextmanager
async def heartbeats(
    options: HeartbeatOptions,
    transport: WorkerTransport,
    reporter: Reporter,
    task: ActivityTask,
    lease_owner: str,
    cancel: Callable[[], None],
) -> AsyncGenerator[BackgroundHeartbeats]:
    """Heartbeats of an attempt in the background, by the options of its activity."""
    timeout = task.attempts.heartbeat_timeout
    longest = _LONGEST_SECONDS if timeout is None else min(_LONGEST_SECONDS, timeout / _PER_TIMEOUT)
    background = BackgroundHeartbeats(
        transport,
        reporter,
        task,
        Lease("activity", task.task_id, task.attempt_id, lease_owner),
        seconds=longest if options.every is None else min(options.every, longest),
        always=options.automatic,
        cancel=cancel,
    )
    sending = asyncio.create_task(background.send(), name=f"heartbeats of {task.task_id}")
    failed = False
    try:
        yield background
    except Exception as error:
        failed = not isinstance(error, Dropped | Ended)
        raise
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        if failed:
            await background.send_rest()  # the next attempt goes on from there
