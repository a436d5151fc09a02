"""The hooks themselves."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias, runtime_checkable

from durable_workflow.interceptors._contexts import (
    ActivityInterceptorContext,
    QueryTaskInterceptorContext,
    WorkflowTaskInterceptorContext,
)

WorkflowTaskHandler: TypeAlias = Callable[
    [WorkflowTaskInterceptorContext], Awaitable[list[dict[str, Any]] | None]
]
ActivityHandler: TypeAlias = Callable[[ActivityInterceptorContext], Awaitable[Any]]
QueryTaskHandler: TypeAlias = Callable[[QueryTaskInterceptorContext], Awaitable[str]]


@runtime_checkable
class WorkerInterceptor(Protocol):
    """Three hooks. Each calls `next` to go on, and may do so with another context.

    What a hook returns or raises is what the layer around it sees.
    """

    async def execute_workflow_task(
        self, context: WorkflowTaskInterceptorContext, next: WorkflowTaskHandler
    ) -> list[dict[str, Any]] | None:
        """Wrap a whole workflow task: decoding, replay, serialisation and completion.

        Args:
            context: The task.
            next: Goes on. Returns the commands for the server, or None when the task was failed.

        Returns:
            What `next` returned, or what should stand in for it.
        """
        ...

    async def execute_activity(
        self, context: ActivityInterceptorContext, next: ActivityHandler
    ) -> Any:
        """Wrap the call of an activity, and nothing but that.

        Args:
            context: The activity and its arguments.
            next: Calls it. Returns its result, raises its exception.

        Returns:
            The result to report. What is raised here is reported as the activity's own failure.
        """
        ...

    async def execute_query_task(
        self, context: QueryTaskInterceptorContext, next: QueryTaskHandler
    ) -> str:
        """Wrap a whole query task.

        Args:
            context: The task.
            next: Goes on. Returns `completed`, `failed` or `expired`.

        Returns:
            The outcome to count.
        """
        ...


class PassthroughWorkerInterceptor:
    """Does nothing, three times: derive from it to write only the hooks that you need."""

    async def execute_workflow_task(
        self, context: WorkflowTaskInterceptorContext, next: WorkflowTaskHandler
    ) -> list[dict[str, Any]] | None:
        """Go on."""
        return await next(context)

    async def execute_activity(
        self, context: ActivityInterceptorContext, next: ActivityHandler
    ) -> Any:
        """Go on."""
        return await next(context)

    async def execute_query_task(
        self, context: QueryTaskInterceptorContext, next: QueryTaskHandler
    ) -> str:
        """Go on."""
        return await next(context)
