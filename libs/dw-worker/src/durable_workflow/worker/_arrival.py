"""Wait for a server that is not there yet, for example when worker and server start together."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from durable_workflow.worker._log import log
from durable_workflow.worker._polling import Pacing, pause_after
from durable_workflow.worker._reporting import is_passing

_LONGEST_PAUSE_SECONDS: Final = 5.0


async def until_done(
    attempt: Callable[[], Awaitable[None]],
    *,
    where: str,
    pacing: Pacing,
    deadline: float | None = None,
) -> bool:
    """Try until the server answers, with one warning that names the server.

    Args:
        attempt: What is tried: once more after each failure that may pass by itself.
        where: URL of the server, for the warning.
        pacing: Says when the worker stops.
        deadline: When to give up, on the monotonic clock; None for never.

    Returns:
        False where the worker was stopped first.

    Raises:
        TimeoutError: The deadline has passed.
        Exception: What an attempt raised that does not pass by itself.
    """
    failures = 0
    last: Exception | None = None
    while not pacing.stop.is_set():
        problem: Exception | None = None
        try:
            if await _tried(attempt, pacing, deadline):
                if failures:
                    log.info("reached the server at %s", where)
                return True
        except Exception as error:
            if not is_passing(error):
                raise
            last = problem = error
        if deadline is not None and time.monotonic() >= deadline:
            text = "" if last is None else f": {str(last) or type(last).__name__}"
            raise TimeoutError(f"the server at {where} cannot be reached{text}") from last
        if problem is None:
            continue  # stopped
        failures += 1
        if failures == 1:
            text = "cannot reach the server at %s, trying until it answers: %s: %s"
            log.warning(text, where, type(problem).__name__, problem)
        pause = pause_after(failures, problem, longest=_LONGEST_PAUSE_SECONDS)
        if deadline is not None:
            pause = min(pause, max(0.0, deadline - time.monotonic()))
        await pacing.pause(pause)
    return False


async def _tried(
    attempt: Callable[[], Awaitable[None]], pacing: Pacing, deadline: float | None
) -> bool:
    """Make one attempt; False where the worker stopped, or the deadline passed, before its end."""
    trying = asyncio.ensure_future(attempt())
    stopping = asyncio.ensure_future(pacing.stop.wait())
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    try:
        await asyncio.wait({trying, stopping}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not trying.done():
            return False
        await trying
        return True
    finally:
        for each in (trying, stopping):
            each.cancel()
