"""Options of commands that cannot be right: how it ends, and what people are told."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import WorkflowFailed
from durable_workflow.testing import WorkflowEnvironment
from durable_workflow.workflow import WorkflowContext
from integration.language.scene import Scene

Steps = Generator[Any, Any, Any]


async def gone_directly() -> None:
    """An activity that is called as if it were a function."""


@workflow.defn(name="wrong-options")
class WrongOptions:
    def build(self, ctx: Any, what: str) -> Any:
        match what:
            case "policy":
                return ctx.schedule_activity("echo", [1], retry_policy=5)
            case "timeout":
                return ctx.schedule_activity("echo", [1], start_to_close_timeout="1")
            case "function":
                return ctx.schedule_activity(gone_directly, [1])
            case "child":
                return ctx.start_child_workflow("wrong-options", run_timeout_seconds=1.5)
            case "versions":
                return ctx.get_version("v", 3, 2)
            case "attributes":
                return ctx.upsert_search_attributes({"Who": object()})
            case "long sleep":
                return ctx.sleep(4e9)
            case "sleep":
                return ctx.sleep("3")
            case "side effect":
                return ctx.side_effect(5)
            case "predicate":
                return ctx.wait_condition(False)
            case "coroutine":
                return gone_directly()
            case _:
                return (ctx.sleep(1), ctx.sleep(1))

    def run(self, ctx: WorkflowContext, what: str) -> Steps:
        yield self.build(ctx, what)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("policy", "activity 'echo': retry_policy must be a retry policy object"),
        ("timeout", "activity 'echo': start_to_close_timeout must be a whole number of seconds"),
        ("function", "give its name instead: 'gone_directly'"),
        ("child", "run_timeout_seconds must be a whole number of seconds, got 1.5 (float)"),
        ("versions", "min_supported must not exceed max_supported, got 3 and 2"),
        ("attributes", "search attributes: 'Who' must be"),
    ],
)
async def test_what_no_completion_can_say_fails_the_task(
    scene: Scene, what: str, says: str
) -> None:
    async with scene.working(WrongOptions):
        handle = await scene.start("wrong-options", what)
        error = await scene.task_error(handle)
        await handle.terminate()
    assert error.startswith("unhandled workflow task execution error: ")
    assert says in error


async def test_what_the_server_refuses_is_refused_in_the_same_words_by_the_environment(
    scene: Scene,
) -> None:
    with pytest.raises(ValueError, match=r"field must not be greater than 3162240000\.") as caught:
        WorkflowEnvironment().execute_workflow(WrongOptions, "long sleep")
    async with scene.working(WrongOptions):
        handle = await scene.start("wrong-options", "long sleep")
        error = await scene.task_error(handle)
        await handle.terminate()
    assert str(caught.value) in error


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("sleep", "sleep: seconds must be a finite number of seconds, got '3' (str)"),
        ("side effect", "side_effect: fn must be a function without arguments, got 5 (int)"),
        ("predicate", "'bool' object is not callable: give a function"),
        ("coroutine", "workflow code cannot await, nor call an async function directly"),
        ("tuple", "yield a list of commands"),
    ],
)
async def test_what_code_does_wrong_fails_the_run(scene: Scene, what: str, says: str) -> None:
    async with scene.working(WrongOptions):
        handle = await scene.start("wrong-options", what)
        with pytest.raises(WorkflowFailed) as caught:
            await handle.result(timeout=10)
    assert says in str(caught.value)
