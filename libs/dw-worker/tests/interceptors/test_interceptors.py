"""Hooks by themselves."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from durable_workflow.interceptors import (
    ActivityInterceptorContext,
    PassthroughWorkerInterceptor,
    QueryTaskInterceptorContext,
    WorkerInterceptor,
    WorkflowTaskInterceptorContext,
)
from durable_workflow.interceptors._chain import (
    chain_activity,
    chain_query_task,
    chain_workflow_task,
    usable,
)

WORKFLOW_TASK = WorkflowTaskInterceptorContext("w", "q", {"task_id": "t"})
ACTIVITY = ActivityInterceptorContext("w", "q", {"task_id": "t"}, "a", (1, 2))
QUERY_TASK = QueryTaskInterceptorContext("w", "q", {"query_task_id": "t"})


@pytest.mark.parametrize("context", [WORKFLOW_TASK, ACTIVITY, QUERY_TASK])
def test_contexts_are_immutable_and_comparable(context: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        context.worker_id = "other"
    assert context == replace(context)


async def test_a_passthrough_changes_nothing() -> None:
    hook: WorkerInterceptor = PassthroughWorkerInterceptor()

    async def commands(context: WorkflowTaskInterceptorContext) -> list[dict[str, Any]] | None:
        return [context.task]

    async def result(context: ActivityInterceptorContext) -> Any:
        return context.args

    async def outcome(context: QueryTaskInterceptorContext) -> str:
        return "completed"

    hooks = [hook, PassthroughWorkerInterceptor()]
    assert await chain_workflow_task(hooks, commands)(WORKFLOW_TASK) == [{"task_id": "t"}]
    assert await chain_activity(hooks, result)(ACTIVITY) == (1, 2)
    assert await chain_query_task(hooks, outcome)(QUERY_TASK) == "completed"


async def test_without_hooks_the_handler_itself_is_called() -> None:
    async def result(context: ActivityInterceptorContext) -> Any:
        return "plain"

    assert chain_activity([], result) is result


async def test_each_layer_sees_what_the_one_inside_returned() -> None:
    class Wrapping(PassthroughWorkerInterceptor):
        def __init__(self, name: str) -> None:
            self.name = name

        async def execute_activity(self, context: ActivityInterceptorContext, next: Any) -> Any:
            inside = await next(replace(context, args=(*context.args, self.name)))
            return f"{self.name}({inside})"

    async def result(context: ActivityInterceptorContext) -> Any:
        return context.args

    chained = chain_activity([Wrapping("outer"), Wrapping("inner")], result)
    assert await chained(ACTIVITY) == "outer(inner((1, 2, 'outer', 'inner')))"


def test_an_interceptor_is_known_by_its_hooks() -> None:
    assert isinstance(PassthroughWorkerInterceptor(), WorkerInterceptor)
    assert not isinstance(object(), WorkerInterceptor)


async def test_an_interceptor_may_have_some_of_the_hooks_only() -> None:
    class Counting:
        count = 0

        async def execute_activity(self, context: ActivityInterceptorContext, next: Any) -> Any:
            self.count += 1
            return await next(context)

    async def result(context: ActivityInterceptorContext) -> Any:
        return context.args

    async def outcome(context: QueryTaskInterceptorContext) -> str:
        return "completed"

    counting: Any = Counting()
    hooks = usable([counting])
    assert await chain_query_task(hooks, outcome)(QUERY_TASK) == "completed"
    chained = chain_activity(hooks, result)
    assert await chained(ACTIVITY) == (1, 2)
    assert counting.count == 1

    async def instead(context: ActivityInterceptorContext, next: Any) -> Any:
        return "instead"

    counting.execute_activity = instead  # as a test does with a mock, after the worker was made
    assert await chained(ACTIVITY) == "instead"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (PassthroughWorkerInterceptor, "PassthroughWorkerInterceptor is a class, make one"),
        ("audit", "one of execute_workflow_task, .* which one of type str has not"),
    ],
)
def test_what_can_never_intercept_is_refused(given: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        usable([PassthroughWorkerInterceptor(), given])
