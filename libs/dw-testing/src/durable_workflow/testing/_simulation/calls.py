"""Calling what a test registered: plain functions and coroutine functions alike."""

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from durable_workflow import activity
from durable_workflow._conversion import Fit
from durable_workflow.activity import ActivityContext


def call(function: Callable[..., Any], arguments: Sequence[Any], fit: Fit) -> Any:
    """Call a function, and wait for what it returns where that is an awaitable.

    Args:
        function: What a test registered.
        arguments: As they have travelled.
        fit: Makes them fit the function.
    """
    return resolved(function(*fit(function, arguments)))


def resolved(value: Any) -> Any:
    """A value, or what it comes to where it is an awaitable."""
    return _wait_for(value) if inspect.isawaitable(value) else value


def call_as_activity(
    context: ActivityContext, function: Callable[..., Any], arguments: Sequence[Any], fit: Fit
) -> Any:
    """The same with a context, which `activity.context()` returns meanwhile."""

    def run() -> Any:
        activity._set_context(context)
        return call(function, arguments, fit)

    return contextvars.copy_context().run(run)


def _wait_for(awaitable: Awaitable[Any]) -> Any:
    async def awaited() -> Any:
        return await awaitable

    if not _a_loop_runs_here():
        return asyncio.run(awaited())
    # A test that is a coroutine itself: its event loop waits for us and cannot serve the mock.
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1, thread_name_prefix="dw-testing") as threads:
        return threads.submit(context.run, asyncio.run, awaited()).result()


def _a_loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
