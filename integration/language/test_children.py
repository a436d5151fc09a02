"""Child workflows: their ends as the parent sees them, retries, timeouts, close policies."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import ChildWorkflowRetryPolicy, workflow
from durable_workflow.client import WorkflowHandle
from durable_workflow.errors import (
    ChildWorkflowCancelled,
    ChildWorkflowFailed,
    ChildWorkflowTerminated,
)
from durable_workflow.workflow import WorkflowContext
from integration.harness.waiting import eventually
from integration.language.scene import DEFAULT_CACHE, Scene, payloads_of

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, 1, DEFAULT_CACHE], indirect=True)


@workflow.defn(name="parent")
class Parent:
    """Run one child and return what became of it."""

    def run(
        self, ctx: WorkflowContext, child: str, arguments: list[Any], options: dict[str, Any]
    ) -> Steps:
        if "retry" in options:
            options["retry_policy"] = ChildWorkflowRetryPolicy(**options.pop("retry"))
        try:
            result = yield ctx.start_child_workflow(child, arguments, **options)
        except ChildWorkflowFailed as error:
            return {
                "raised": type(error).__name__,
                "says": str(error),
                "category": error.failure_category,
                "child_type": error.child_workflow_type,
                "has_run_id": error.child_workflow_run_id is not None,
            }
        return {"returned": result}


@workflow.defn(name="leaves-child")
class LeavesChild:
    """Start a child beside a wait, and end without it."""

    def __init__(self) -> None:
        self.ends: str | None = None

    @workflow.signal("end")
    def end(self, how: str) -> None:
        self.ends = how

    def run(self, ctx: WorkflowContext, policy: str | None) -> Steps:
        yield [
            ctx.start_child_workflow("waits-for-ever", [], parent_close_policy=policy),
            ctx.start_timer(3600),
        ]


@workflow.defn(name="waits-for-ever")
class WaitsForEver:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: False, key="never")


@workflow.defn(name="doubles")
class Doubles:
    def run(self, ctx: WorkflowContext, number: int) -> Steps:
        value = yield ctx.schedule_activity("echo", [number * 2])
        return value


@workflow.defn(name="fails-child")
class FailsChild:
    def run(self, ctx: WorkflowContext, message: str) -> Steps:
        yield ctx.schedule_activity("echo", [1])
        raise ValueError(message)


@workflow.defn(name="counts-down")
class CountsDown:
    """Continue as new until nothing is left, then return or fail."""

    def run(self, ctx: WorkflowContext, left: int, fails: bool = False) -> Steps:
        yield ctx.schedule_activity("echo", [left])
        if left:
            return ctx.continue_as_new(left - 1, fails)
        if fails:
            raise ValueError("nothing left")
        return "counted"


@workflow.defn(name="family")
class Family:
    """Children beside activities, and grandchildren."""

    def run(self, ctx: WorkflowContext, width: int) -> Steps:
        results = yield [
            ctx.start_child_workflow("parent", ["doubles", [number], {}])
            if number % 2
            else ctx.schedule_activity("echo", [number])
            for number in range(width)
        ]
        return results


CLASSES = [Parent, LeavesChild, WaitsForEver, Doubles, FailsChild, CountsDown, Family]


async def child_of(scene: Scene, parent: WorkflowHandle) -> WorkflowHandle:
    """The first child of a run, once it was started."""
    await scene.until(parent, lambda seen: "ChildRunStarted" in seen)
    started = payloads_of(await scene.history(parent), "ChildRunStarted")[0]
    return scene.client.get_workflow_handle(
        started["child_workflow_instance_id"], run_id=started["child_workflow_run_id"]
    )


@every_cache
async def test_result_of_a_child(scene: Scene) -> None:
    async def once() -> None:
        assert await scene.outcome("parent", "doubles", [21], {}) == {"returned": 42}

    async with scene.working(*CLASSES):
        await scene.several(once)


@every_cache
async def test_failure_of_a_child_is_thrown_into_the_parent(scene: Scene) -> None:
    async with scene.working(*CLASSES):
        result = await scene.outcome("parent", "fails-child", ["broken"], {})
    assert result["raised"] == "ChildWorkflowFailed"
    assert "broken" in result["says"]
    assert result["child_type"] == "fails-child"
    assert result["has_run_id"] is True


@every_cache
@pytest.mark.parametrize(
    ("end", "raised"),
    [
        ("cancel", ChildWorkflowCancelled.__name__),
        ("terminate", ChildWorkflowTerminated.__name__),
    ],
)
async def test_child_that_is_ended_from_outside(scene: Scene, end: str, raised: str) -> None:
    async with scene.working(*CLASSES):
        parent = await scene.start("parent", "waits-for-ever", [], {})
        child = await child_of(scene, parent)
        await getattr(child, end)(reason="enough")
        result = await scene.result(parent)
    assert result["raised"] == raised


async def test_failed_child_is_started_anew_as_often_as_its_policy_says(scene: Scene) -> None:
    policy = {"max_attempts": 3, "initial_interval_seconds": 0}
    async with scene.working(*CLASSES):
        parent = await scene.start("parent", "fails-child", ["always"], {"retry": policy})
        result = await scene.result(parent)
        assert result["raised"] == "ChildWorkflowFailed"
        child = await child_of(scene, parent)
        assert len((await child.list_runs()).runs) == 3
    started = payloads_of(await scene.history(parent), "ChildRunStarted")
    assert [each.get("retry_attempt") for each in started[1:]] == [2, 3]
    assert (await scene.types(parent)).count("ChildRunFailed") == 1


async def test_error_type_that_the_policy_names_is_not_retried(scene: Scene) -> None:
    policy = {"max_attempts": 3, "non_retryable_error_types": ["ValueError"]}
    async with scene.working(*CLASSES):
        parent = await scene.start("parent", "fails-child", ["once"], {"retry": policy})
        assert (await scene.result(parent))["raised"] == "ChildWorkflowFailed"
    assert (await scene.types(parent)).count("ChildRunStarted") == 1


@pytest.mark.parametrize("option", ["execution_timeout_seconds", "run_timeout_seconds"])
async def test_child_that_times_out(scene: Scene, option: str) -> None:
    async with scene.working(*CLASSES):
        result = await scene.outcome("parent", "waits-for-ever", [], {option: 1})
    assert result["raised"] == "ChildWorkflowFailed"
    assert result["category"] == "timeout"


@pytest.mark.parametrize(
    ("policy", "child_ends"),
    [
        (None, None),
        ("abandon", None),
        ("request_cancel", "cancelled"),
        ("terminate", "terminated"),
    ],
)
@pytest.mark.parametrize("end", ["cancel", "terminate"])
async def test_close_policies(
    scene: Scene, policy: str | None, child_ends: str | None, end: str
) -> None:
    async with scene.working(*CLASSES):
        parent = await scene.start("leaves-child", policy)
        child = await child_of(scene, parent)
        await scene.until(child, lambda seen: "ConditionWaitOpened" in seen)
        await getattr(parent, end)()
        applied = payloads_of(await scene.history(parent), "ParentClosePolicyApplied")
        assert [each["policy"] for each in applied] == [policy or "abandon"]
        if child_ends is None:
            assert (await scene.describe(child))["is_terminal"] is False
            await child.terminate()
            return
        described = await eventually(
            lambda: scene.describe(child), lambda seen: bool(seen["is_terminal"])
        )
        assert described["status"] == child_ends


@every_cache
@pytest.mark.parametrize("fails", [False, True])
async def test_child_that_continues_as_new_is_waited_for_to_its_last_run(
    scene: Scene, fails: bool
) -> None:
    async with scene.working(*CLASSES):
        parent = await scene.start("parent", "counts-down", [2, fails], {})
        result = await scene.result(parent)
    if fails:
        assert result["raised"] == "ChildWorkflowFailed"
        assert "nothing left" in result["says"]
    else:
        assert result == {"returned": "counted"}
    started = payloads_of(await scene.history(parent), "ChildRunStarted")
    assert len({each["child_workflow_run_id"] for each in started}) == 3
    assert len({each["sequence"] for each in started}) == 1


@every_cache
async def test_children_and_grandchildren_beside_activities(scene: Scene) -> None:
    async with scene.working(*CLASSES):
        result = await scene.outcome("family", 6)
    assert result == [0, {"returned": 2}, 2, {"returned": 6}, 4, {"returned": 10}]


async def test_child_on_a_queue_of_its_own(scene: Scene) -> None:
    async with scene.working(Parent), scene.working(Doubles, task_queue="children"):
        result = await scene.outcome("parent", "doubles", [4], {"task_queue": "children"})
    assert result == {"returned": 8}


async def test_child_start_that_is_not_valid_fails_the_task_with_a_reason(scene: Scene) -> None:
    async with scene.working(*CLASSES):
        parent = await scene.start("parent", "doubles", [1], {"parent_close_policy": "nonsense"})
        assert "parent_close_policy" in await scene.task_error(parent)
        await parent.terminate()
