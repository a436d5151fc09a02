"""Hooks threaded onto a handler, the first one outermost.

A hook is looked for at each call, as any method is: an interceptor may have some of the hooks only,
and is left out where it has none.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from durable_workflow.interceptors._hooks import (
    ActivityHandler,
    QueryTaskHandler,
    WorkerInterceptor,
    WorkflowTaskHandler,
)

C = TypeVar("C")
R = TypeVar("R")

_HOOKS = ("execute_workflow_task", "execute_activity", "execute_query_task")


def usable(interceptors: Iterable[WorkerInterceptor]) -> tuple[WorkerInterceptor, ...]:
    """The interceptors of a worker.

    Raises:
        TypeError: One is a class, or has no hook at all.
    """
    found = tuple(interceptors)
    for each in found:
        if isinstance(each, type):
            raise TypeError(f"interceptors must be objects: {each.__name__} is a class, make one")
        if not any(hasattr(each, hook) for hook in _HOOKS):
            raise TypeError(
                f"an interceptor must have one of {', '.join(_HOOKS)}, which one of type "
                f"{type(each).__name__} has not"
            )
    return found


def chain_workflow_task(
    interceptors: Sequence[WorkerInterceptor], innermost: WorkflowTaskHandler
) -> WorkflowTaskHandler:
    """`innermost` inside the `execute_workflow_task` hooks."""
    return _chain(interceptors, "execute_workflow_task", innermost)


def chain_activity(
    interceptors: Sequence[WorkerInterceptor], innermost: ActivityHandler
) -> ActivityHandler:
    """`innermost` inside the `execute_activity` hooks."""
    return _chain(interceptors, "execute_activity", innermost)


def chain_query_task(
    interceptors: Sequence[WorkerInterceptor], innermost: QueryTaskHandler
) -> QueryTaskHandler:
    """`innermost` inside the `execute_query_task` hooks."""
    return _chain(interceptors, "execute_query_task", innermost)


def _chain(
    interceptors: Sequence[WorkerInterceptor], name: str, innermost: Callable[[C], Awaitable[R]]
) -> Callable[[C], Awaitable[R]]:
    handler = innermost
    for interceptor in reversed(interceptors):
        handler = _link(interceptor, name, handler)
    return handler


def _link(
    interceptor: WorkerInterceptor, name: str, following: Callable[[C], Awaitable[R]]
) -> Callable[[C], Awaitable[R]]:
    async def handler(context: C) -> R:
        hook: Callable[[C, Callable[[C], Awaitable[R]]], Awaitable[R]] | None
        hook = getattr(interceptor, name, None)
        return await (following(context) if hook is None else hook(context, following))

    return handler
