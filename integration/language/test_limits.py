"""Runs that outgrow a limit: told so, task by task, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import QueryFailed, WorkflowFailed, workflow
from durable_workflow.errors import DurableWorkflowError
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.settings import Settings
from durable_workflow.workflow import WorkflowContext
from integration.language.scene import Scene, open_scene

Steps = Generator[Any, Any, Any]


@workflow.defn(name="goes-on")
class GoesOn:
    def run(self, ctx: WorkflowContext, steps: int) -> Steps:
        for number in range(steps):
            yield ctx.schedule_activity("echo", [number])
        return steps


@workflow.defn(name="spreads")
class Spreads:
    def run(self, ctx: WorkflowContext, width: int) -> Steps:
        results = yield [ctx.schedule_activity("echo", [number]) for number in range(width)]
        return len(results)


@workflow.defn(name="large")
class Large:
    """Say something that is too large, in the first place or in an update."""

    def __init__(self) -> None:
        self.grown = 0

    @workflow.update("grow")
    def grow(self, size: int) -> str:
        self.grown += 1
        return "x" * size

    @workflow.query("text")
    def text(self, size: int) -> str:
        return "x" * size

    def run(self, ctx: WorkflowContext, where: str, size: int) -> Steps:
        if where == "side effect":
            yield ctx.side_effect(lambda: "x" * size)
        if where == "arguments":
            yield ctx.schedule_activity("echo", ["x" * size])
        if where == "whole":
            yield [ctx.schedule_activity("echo", ["x" * (size // 50)]) for _ in range(60)]
        if where == "update":
            yield ctx.wait_condition(lambda: self.grown == 1)
        return "x" * size if where == "result" else where


@workflow.defn(name="shouts")
class Shouts:
    """An update that fails at length."""

    def __init__(self) -> None:
        self.heard = False

    @workflow.update("shout")
    def shout(self, size: int) -> None:
        if size:
            raise ValueError("x" * size)
        self.heard = True

    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: self.heard)
        return "heard"


def limited(limits: Limits) -> Settings:
    return Settings(services=ServiceSettings(limits=limits))


async def test_history_beyond_its_limit_fails_the_run(tmp_path: Path) -> None:
    settings = limited(Limits(history_events=100))
    async with (
        open_scene(tmp_path / "state.db", settings=settings) as scene,
        scene.working(GoesOn),
    ):
        handle = await scene.start("goes-on", 1_000)
        with pytest.raises(WorkflowFailed, match="history"):
            await handle.result(timeout=20)
        described = await scene.describe(handle)
        assert "history_limit_exceeded" in repr(described)
        assert await scene.outcome("goes-on", 5) == 5


@pytest.mark.parametrize(
    "limits", [Limits(command_batch_size=10), Limits(pending_activities=10)], ids=repr
)
async def test_list_beyond_a_limit_fails_the_task_with_its_name(
    tmp_path: Path, limits: Limits
) -> None:
    async with (
        open_scene(tmp_path / "state.db", settings=limited(limits)) as scene,
        scene.working(Spreads),
    ):
        handle = await scene.start("spreads", 11)
        assert "limit" in (await scene.task_error(handle)).lower()
        assert "ActivityScheduled" not in await scene.types(handle)
        assert await scene.outcome("spreads", 10) == 10
        await handle.terminate()


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("side effect", "commands.0 (record_side_effect): result of "),
        ("arguments", "commands.0 (schedule_activity 'echo'): arguments of "),
        ("result", "commands.0 (complete_workflow): result of "),
        ("whole", "the 60 commands of this completion have "),
    ],
)
async def test_what_is_too_large_fails_the_task_and_names_the_command(
    scene: Scene, where: str, named: str
) -> None:
    async with scene.working(Large):
        handle = await scene.start("large", where, 3_000_000)
        error = await scene.task_error(handle)
        assert error.startswith("workflow task cannot be completed: ")
        assert named in error
        assert "2097152" in error
        described = await scene.describe(handle)
        # At rest until the next attempt, and nothing of it in history.
        assert described["workflow_task"]["lease_owner"] is None
        assert await scene.types(handle) == ["StartAccepted", "WorkflowStarted"]
        assert await scene.outcome("large", where, 3_000) is not None


@pytest.mark.parametrize("server_limit", [2_097_152, 1_000])
async def test_update_whose_result_is_too_large_fails_alone(
    tmp_path: Path, server_limit: int
) -> None:
    settings = limited(Limits(payload_bytes=server_limit))
    async with (
        open_scene(tmp_path / "state.db", settings=settings) as scene,
        scene.working(Large),
    ):
        handle = await scene.start("large", "update", 0)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with pytest.raises(DurableWorkflowError, match="update result is too large"):
            await handle.update("grow", [3_000_000], wait_for="completed")
        assert await handle.update("grow", [5], wait_for="completed") == "xxxxx"
        assert await scene.result(handle) == "update"
        events = await scene.types(handle)
        assert [events.count(name) for name in ("UpdateApplied", "UpdateCompleted")] == [1, 2]


async def test_a_query_whose_result_is_too_large_fails_alone(scene: Scene) -> None:
    async with scene.working(Large):
        handle = await scene.start("large", "update", 0)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with pytest.raises(QueryFailed, match="payload_too_large") as refused:
            await handle.query("text", [3_000_000])
        assert (refused.value.status, refused.value.reason) == (409, "payload_too_large")
        assert await handle.query("text", [5]) == "xxxxx"


async def test_update_with_an_endless_message_fails_alone(scene: Scene) -> None:
    async with scene.working(Shouts):
        handle = await scene.start("shouts")
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with pytest.raises(DurableWorkflowError, match="update handler failed: xxx"):
            await handle.update("shout", [3_000_000], wait_for="completed")
        assert await handle.update("shout", [0], wait_for="completed") is None
        assert await scene.result(handle) == "heard"
