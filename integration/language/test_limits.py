"""Runs that outgrow a limit: told so, task by task, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import WorkflowFailed, workflow
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.services.settings import ServiceSettings
from durable_workflow.server.settings import Settings
from durable_workflow.workflow import WorkflowContext
from integration.language.scene import open_scene

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
