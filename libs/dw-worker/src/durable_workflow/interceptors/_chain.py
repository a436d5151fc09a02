"""Hooks threaded onto a handler, the first one outermost."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from durable_workflow.interceptors._hooks import (
    ActivityHandler,
    QueryTaskHandler,
    WorkerInterceptor,
    WorkflowTaskHandler,
)

C = TypeVar("C")
R = TypeVar("R")


def chain_workflow_task(
    interceptors: Sequence[WorkerInterceptor], innermost: WorkflowTaskHandler
) -> WorkflowTaskHandler:
    """`innermost` inside the `execute_workflow_task` hooks."""
    return _chain([each.execute_workflow_task for each in interceptors], innermost)


def chain_activity(
    interceptors: Sequence[WorkerInterceptor], innermost: ActivityHandler
) -> ActivityHandler:
    """`innermost` inside the `execute_activity` hooks."""
    return _chain([each.execute_activity for each in interceptors], innermost)


def chain_query_task(
    interceptors: Sequence[WorkerInterceptor], innermost: QueryTaskHandler
) -> QueryTaskHandler:
    """`innermost` inside the `execute_query_task` hooks."""
    return _chain([each.execute_query_task for each in interceptors], innermost)


def _chain(
    hooks: Sequence[Callable[[C, Callable[[C], Awaitable[R]]], Awaitable[R]]],
    innermost: Callable[[C], Awaitable[R]],
) -> Callable[[C], Awaitable[R]]:
    handler = innermost
    for hook in reversed(hooks):
        handler = _link(hook, handler)
    return handler


def _link(
    hook: Callable[[C, Callable[[C], Awaitable[R]]], Awaitable[R]],
    following: Callable[[C], Awaitable[R]],
) -> Callable[[C], Awaitable[R]]:
    async def handler(context: C) -> R:
        return await hook(context, following)

    return handler
