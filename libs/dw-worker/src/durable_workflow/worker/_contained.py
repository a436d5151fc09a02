"""Await user code on the event loop, where some exceptions would end more than that code."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from durable_workflow.worker._interrupts import is_ctrl_c

T = TypeVar("T")


class Ended(Exception):
    """User code raised a `BaseException` that is not an `Exception`.

    Unwrapped, asyncio would take `GeneratorExit` for a coroutine that was closed and
    `CancelledError` for a cancellation, so that a task stays leased; `SystemExit` and
    `KeyboardInterrupt` would end the event loop, and the worker with it.

    Attributes:
        error: What the code raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(type(error).__name__)
        self.error = error


async def contained(code: Awaitable[T]) -> T:
    """Await user code, so that an exception of it ends nothing else.

    Args:
        code: What to await.

    Raises:
        Ended: It raised a `BaseException` that is no `Exception`.
        CancelledError: The task that awaits this is being cancelled.
        KeyboardInterrupt: Ctrl-C came while it ran.
    """
    task = asyncio.current_task()
    try:
        return await code
    except Exception:
        raise
    except asyncio.CancelledError as error:
        if task is not None and task.cancelling():
            raise
        # Something that the code awaited was cancelled, and not this task.
        raise Ended(error) from error
    except GeneratorExit as error:
        if _current_task() is not task:
            raise  # closed from outside, as when an event loop is dropped with its tasks
        raise Ended(error) from error
    except BaseException as error:
        if is_ctrl_c(error):
            raise
        raise Ended(error) from error


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None  # no loop runs here
