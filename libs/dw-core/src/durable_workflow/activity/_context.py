"""What a running activity knows of its attempt, and how it reports progress."""

import asyncio
from concurrent.futures import wait
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any, cast

from durable_workflow._meet import ActivityHeartbeatTransport
from durable_workflow.errors import ActivityCancelled

_NO_LOOP = "heartbeat_sync needs the worker's event loop, and there is none"
# How often a thread that waits for an answer checks whether the event loop is closed. Then no
# answer would come, and the waiting thread would keep the process alive.
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class ActivityInfo:
    """Which attempt this is.

    Attributes:
        task_id: The leased task.
        activity_type: The name it was asked for by.
        activity_attempt_id: This attempt.
        attempt_number: 1 for the first attempt.
        task_queue: Where it was taken from.
        worker_id: The worker that runs it.
        heartbeat_details: Details of the last heartbeat of the attempts before that had any; None
            where none had, and from a server that does not send them.
    """

    task_id: str
    activity_type: str
    activity_attempt_id: str
    attempt_number: int
    task_queue: str
    worker_id: str
    heartbeat_details: dict[str, Any] | None = field(default=None, hash=False)


class ActivityContext:
    """What an activity sees of its attempt. `activity.context()` returns it."""

    def __init__(
        self,
        *,
        info: ActivityInfo,
        client: ActivityHeartbeatTransport,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Describe an attempt.

        Args:
            info: Which attempt it is.
            client: Takes the heartbeats.
            loop: The event loop that `client` lives on, for activities that run in threads;
                without it the loop that runs here, if one does.
        """
        self._info = info
        self._client = client
        self._loop = loop if loop is not None else _running_loop()
        self._cancelled = False

    @property
    def info(self) -> ActivityInfo:
        """Which attempt this is."""
        return self._info

    @property
    def is_cancelled(self) -> bool:
        """Whether the server asked this attempt to stop, or gave it to another worker."""
        return self._cancelled

    def _request_stop(self) -> None:
        """Have the next heartbeat stop the attempt without asking. Called by the worker."""
        self._cancelled = True

    async def heartbeat(self, details: dict[str, Any] | None = None) -> None:
        """Report progress of this attempt, and learn whether it should stop.

        Args:
            details: Plain JSON object, sent as it is and not as a payload. None sends no details.

        Raises:
            ActivityCancelled: This attempt should stop. A BaseException: let it pass.
        """
        if self._cancelled:
            raise ActivityCancelled
        reply = await self._client.heartbeat_activity_task(
            task_id=self._info.task_id,
            activity_attempt_id=self._info.activity_attempt_id,
            lease_owner=self._info.worker_id,
            details=details,
        )
        if isinstance(reply, dict) and cast("dict[str, Any]", reply).get("cancel_requested"):
            self._cancelled = True
            raise ActivityCancelled

    def heartbeat_sync(self, details: dict[str, Any] | None = None) -> None:
        """The same for an activity that is a plain function, which the worker runs in a thread.

        Args:
            details: Plain JSON object, sent as it is and not as a payload. None sends no details.

        Raises:
            ActivityCancelled: This attempt should stop. A BaseException: let it pass.
            RuntimeError: Called on the event loop itself, which would wait for itself, or no
                event loop is known or left.
        """
        if self._cancelled:
            raise ActivityCancelled
        loop = self._loop
        if loop is None or loop.is_closed():
            raise RuntimeError(_NO_LOOP)
        if _running_loop() is loop:
            raise RuntimeError(
                "heartbeat_sync was called on the worker's event loop; use 'await heartbeat()'"
            )
        heartbeat = self.heartbeat(details)
        answer = asyncio.run_coroutine_threadsafe(heartbeat, loop)
        while not wait([answer], timeout=_LOOK_SECONDS).done:
            if loop.is_closed():
                heartbeat.close()
                raise RuntimeError(_NO_LOOP)
        answer.result()


_current: ContextVar[ActivityContext | None] = ContextVar(
    "durable_workflow_activity_context", default=None
)


def context() -> ActivityContext:
    """The context of the activity that is running here.

    Raises:
        RuntimeError: No activity is running here.
    """
    current = _current.get()
    if current is None:
        raise RuntimeError("activity.context() was called outside of an activity")
    return current


def set_context(current: ActivityContext | None) -> Token[ActivityContext | None]:
    """Say which activity is running here; None after it ended."""
    return _current.set(current)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
