"""Retrying while the server cannot be reached, within the time that a caller gave a wait.

The retry policy gives up after about a second. A caller that waits for a result has said for how
long, so a server that restarts in that time does not end the wait.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import httpx

from durable_workflow.errors import ServerError

T = TypeVar("T")

_log = logging.getLogger("durable_workflow.client")

_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 2.0
# Seconds after the deadline in which a response may still arrive.
_GRACE_SECONDS: Final = 5.0
# Statuses of a server that starts, stops or is overloaded, or of a proxy before it.
_AWAY_STATUSES: Final = frozenset({429, 502, 503, 504})


def is_away(error: BaseException) -> bool:
    """Whether the error means that the server cannot respond now, but may respond later."""
    if isinstance(error, ServerError):
        return error.status in _AWAY_STATUSES
    return isinstance(error, httpx.TransportError | TimeoutError)


def why_away(error: Exception) -> str:
    """Text for a `TimeoutError`: why the last attempt failed."""
    return f"the server cannot be reached: {type(error).__name__}: {error}"


async def in_time(send: Callable[[], Awaitable[T]], *, deadline: float) -> T:
    """Send a request once, and cancel it if it has no response a few seconds after the deadline.

    Args:
        send: Sends, under the retry policy.
        deadline: On the monotonic clock.

    Raises:
        TimeoutError: It was cancelled.
    """
    async with asyncio.timeout(max(0.0, deadline - time.monotonic()) + _GRACE_SECONDS):
        return await send()


async def until_back(
    send: Callable[[], Awaitable[T]], *, deadline: float, gives_up_in_time: bool = True
) -> T:
    """Send a request that may be repeated, until there is a response or the deadline has passed.

    Args:
        send: Sends once, under the retry policy.
        deadline: When to give up, on the monotonic clock. There is always one attempt.
        gives_up_in_time: Whether to cancel an attempt that has no response a few seconds after the
            deadline. Otherwise the client's own time-out ends it.

    Raises:
        Exception: What the last attempt raised.
    """
    pause = 0.0
    while True:
        try:
            return await (in_time(send, deadline=deadline) if gives_up_in_time else send())
        except Exception as error:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not is_away(error):
                raise
            if not pause:
                text = "the server cannot be reached, trying for %.3g s more: %s: %s"
                _log.warning(text, remaining, type(error).__name__, error)
        pause = min(max(2 * pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
        await asyncio.sleep(min(pause, remaining))
