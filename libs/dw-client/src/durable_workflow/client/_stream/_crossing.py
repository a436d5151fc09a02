"""Calls from one event loop to another, in another thread, which may end at any moment."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from durable_workflow._meet import StreamEnded

T = TypeVar("T")

# Between two looks whether the other loop is still there.
_LOOK_SECONDS: Final = 0.5


async def call_on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on another loop, and wait for its result here.

    A loop that ends forgets what was handed to it last. Nobody would answer then, so whoever waits
    looks whether the loop is closed.

    Raises:
        StreamEnded: The loop has ended.
    """
    try:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError as error:  # closed meanwhile
        coroutine.close()
        raise StreamEnded from error
    here = asyncio.get_running_loop()

    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal timer
        if not loop.is_closed():
            timer = here.call_later(_LOOK_SECONDS, look)
        elif not future.done():
            coroutine.close()
            future.set_exception(StreamEnded("the stream's thread has ended"))

    timer = here.call_later(_LOOK_SECONDS, look)
    try:
        return await asyncio.wrap_future(future)
    finally:
        timer.cancel()
