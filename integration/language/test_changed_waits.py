"""Waits and updates that a deployment changed under open runs: no run is lost by it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.client import WorkflowHandle
from durable_workflow.errors import WorkflowFailed
from durable_workflow.workflow import WorkflowContext
from integration.harness.waiting import eventually
from integration.language.scene import DEFAULT_CACHE, Scene

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, DEFAULT_CACHE], indirect=True)


class Approval:
    """The code that the runs were started with."""

    def __init__(self) -> None:
        self.approvals = 0

    @workflow.signal("approve")
    def approve(self) -> None:
        self.approvals += 1

    @workflow.update("approve-too")
    def approve_too(self) -> int:
        self.approvals += 1
        return self.approvals

    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: self.approvals > 1, key="approved")
        return self.approvals


class OtherKey(Approval):
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: self.approvals > 1, key="accepted")
        return self.approvals


class OtherPredicate(Approval):
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: self.approvals > 2, key="approved")
        return self.approvals


class WithoutUpdate(Approval):
    approve_too = None  # type: ignore[assignment]


class NonDeterministicWaitCondition(Exception):
    """An exception of the author's own that happens to have this name."""


@workflow.defn(name="raises-by-that-name")
class RaisesByThatName:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("echo", [1])
        raise NonDeterministicWaitCondition("of my own")


def deployed(code: type) -> type:
    """A version of the code as the one that serves the type."""
    return workflow.defn(name="approval")(type(code.__name__, (code,), {}))


async def waiting_run(scene: Scene) -> WorkflowHandle:
    """A run of the first version that waits, and that no worker serves any more."""
    async with scene.working(deployed(Approval)):
        handle = await scene.start("approval")
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        assert await handle.update("approve-too", [], wait_for="completed") == 1
        await scene.until_idle(handle)
    return handle


@every_cache
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (OtherKey, "wait_condition key changed during replay: history has 'approved'"),
        (OtherPredicate, "wait_condition predicate fingerprint changed during replay: history has"),
        (WithoutUpdate, "unknown update 'approve-too' in workflow history"),
    ],
)
async def test_changed_code_fails_the_task_and_the_old_code_saves_the_run(
    scene: Scene, changed: type, says: str
) -> None:
    handle = await waiting_run(scene)
    async with scene.working(deployed(changed)):
        await handle.signal("approve")
        error = await scene.task_error(handle)
        assert error.startswith(f"replay failed: {says}")
        assert "compatible build" in error
        debug = await eventually(
            lambda: scene.get(f"/api/workflows/{handle.workflow_id}/debug"),
            lambda seen: bool(
                seen["pending_workflow_tasks"]
                and seen["pending_workflow_tasks"][0]["repair_count"] >= 1
            ),
        )
    assert debug["execution"]["task_problem"] is True
    assert "WorkflowFailed" not in await scene.types(handle)
    async with scene.working(deployed(Approval)):
        assert await scene.result(handle) == 2


async def test_exception_of_that_name_fails_the_run(scene: Scene) -> None:
    async with scene.working(RaisesByThatName):
        handle = await scene.start("raises-by-that-name")
        with pytest.raises(WorkflowFailed, match="of my own"):
            await handle.result(timeout=10)
        await scene.examine(handle)


def a_release(called: str, *, newest: bool) -> type:
    """One release of a workflow: its class is called otherwise, and may have a newer patch."""

    def run(self: Any, ctx: WorkflowContext) -> Steps:
        if newest and (yield ctx.patched("third")):
            name = "third"
        elif (yield ctx.patched("second")):
            name = "second"
        else:
            name = "first"
        yield ctx.wait_condition(lambda: self.going, key="going")
        return name

    def go(self: Any) -> None:
        self.going = True

    members = {"going": False, "run": run, "go": workflow.signal("go")(go), "__module__": called}
    return workflow.defn(name="released")(type(called, (), members))


async def test_a_renamed_class_with_a_patch_in_front_goes_on_with_its_runs(scene: Scene) -> None:
    async with scene.working(a_release("Before", newest=False)):
        old = await scene.start("released")
        await scene.until_idle(old)
    async with scene.working(a_release("After", newest=True)):
        new = await scene.start("released")
        await scene.until_idle(new)
        for handle in (old, new):
            await handle.signal("go")
        assert await scene.result(old) == "second"
        assert await scene.result(new) == "third"
