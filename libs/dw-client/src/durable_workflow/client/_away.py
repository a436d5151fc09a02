"""Waiting for a server that is away, as long as the caller is willing to wait anyway.

The retry policy gives up after a second. A caller who waits for a result said how long to wait, and
a server that restarts meanwhile is no reason to give up sooner.
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
# That an answer may be under way when the deadline passes.
_GRACE_SECONDS: Final = 5.0
# What a server that starts, ends or is overloaded answers, or a proxy in its place.
_AWAY_STATUSES: Final = frozenset({429, 502, 503, 504})


def is_away(error: BaseException) -> bool:
    """Whether the error says that the server cannot answer now, and may be able to later."""
    if isinstance(error, ServerError):
        return error.status in _AWAY_STATUSES
    return isinstance(error, httpx.TransportError | TimeoutError)


def why_away(error: Exception) -> str:
    """What a time-out says of the last attempt."""
    return f"the server cannot be reached: {type(error).__name__}: {error}"


async def until_back(
    send: Callable[[], Awaitable[T]], *, deadline: float, gives_up_in_time: bool = True
) -> T:
    """Send a request that may be repeated, until it is answered or the deadline has passed.

    Args:
        send: Sends once, under the retry policy.
        deadline: When to give up, on the monotonic clock. There is always one attempt.
        gives_up_in_time: Whether an attempt that has no answer some seconds after the deadline is
            broken off, as one to a server that hangs. Otherwise the client's own time-out ends it.

    Raises:
        Exception: What the last attempt raised.
    """
    pause = 0.0
    while True:
        limit = max(0.0, deadline - time.monotonic()) + _GRACE_SECONDS
        try:
            async with asyncio.timeout(limit if gives_up_in_time else None):
                return await send()
        except Exception as error:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not is_away(error):
                raise
            if not pause:
                text = "the server cannot be reached, trying for %.3g s more: %s: %s"
                _log.warning(text, remaining, type(error).__name__, error)
        pause = min(max(2 * pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
        await asyncio.sleep(min(pause, remaining))
