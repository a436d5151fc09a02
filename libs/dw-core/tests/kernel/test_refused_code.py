"""Workflow code that cannot be run as it is written."""

from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow


def test_async_workflows_are_refused_by_name() -> None:
    class Coroutine:
        async def run(self, ctx: Any) -> None: ...

    class AsyncGenerator:
        async def run(self, ctx: Any) -> Any:
            yield

    class Hidden:
        def run(self, ctx: Any) -> Any:
            return Coroutine().run(ctx)

    for workflow_cls in (Coroutine, AsyncGenerator, Hidden):
        with pytest.raises(workflow.InvalidWorkflowDefinition, match=workflow_cls.__name__):
            workflow.replay(workflow_cls, [], [])


def test_a_command_that_is_returned_without_a_yield_is_refused() -> None:
    class Plain:
        def run(self, ctx: Any) -> Any:
            return ctx.schedule_activity("ship", [])

    class AfterOthers:
        def run(self, ctx: Any) -> Any:
            yield ctx.side_effect(lambda: 1)
            return ctx.sleep(5)

    class Listed:
        def run(self, ctx: Any) -> Any:
            return [ctx.schedule_activity("ship", [each]) for each in range(2)]

    class Effect:
        def run(self, ctx: Any) -> Any:
            return ctx.side_effect(lambda: 1)

    class Own(workflow.StartTimer):
        """A command of the user's own."""

    class OfOwn:
        def run(self, ctx: Any) -> Any:
            return Own(5)

    for workflow_cls, command in (
        (Plain, "ScheduleActivity"),
        (AfterOthers, "StartTimer"),
        (Listed, "list with a ScheduleActivity"),
        (Effect, "RecordSideEffect"),
        (OfOwn, "Own"),
    ):
        said = f"{workflow_cls.__name__}.run returned a {command} that it did not yield"
        with pytest.raises(workflow.InvalidWorkflowDefinition, match=said):
            workflow.replay(workflow_cls, [], [])


def test_results_that_only_look_like_commands_are_returned() -> None:
    class Empty:
        def run(self, ctx: Any) -> Any:
            return list[int]()

    class Nested:
        def steps(self, ctx: Any) -> Generator[Any, Any, int]:
            seven: int = yield ctx.side_effect(lambda: 7)
            return seven

        def run(self, ctx: Any) -> Any:
            seven: int = yield from self.steps(ctx)
            return [seven, 8]

    for workflow_cls, result in ((Empty, []), (Nested, [7, 8])):
        commands = workflow.replay(workflow_cls, [], []).commands
        assert commands[-1] == workflow.CompleteWorkflow(result)
