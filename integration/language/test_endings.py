"""How a run ends: as a new one, from outside, in time or not; and what is shown of it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import (
    ContinueAsNew,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowTerminated,
    workflow,
)
from durable_workflow.errors import WorkflowTimedOut
from durable_workflow.workflow import WorkflowContext
from integration.harness.waiting import eventually
from integration.language.scene import DEFAULT_CACHE, Scene, payloads_of

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, 1, DEFAULT_CACHE], indirect=True)


@workflow.defn(name="again")
class Again:
    """Go on as a new run in this spelling, until nothing is left."""

    def run(self, ctx: WorkflowContext, left: int, spelling: str) -> Steps:
        yield ctx.schedule_activity("echo", [left])
        if not left:
            return "done"
        if spelling == "yields":
            yield ctx.continue_as_new(left - 1, spelling)
        if spelling == "returns":
            return ctx.continue_as_new(left - 1, spelling)
        return ContinueAsNew(arguments=[left - 1, spelling])


@workflow.defn(name="marks")
class Marks:
    """Markers directly before the end: they are kept in both spellings."""

    def run(self, ctx: WorkflowContext, spelling: str, second: bool = False) -> Steps:
        if second:
            return "second"
        yield ctx.side_effect(lambda: "kept")
        yield ctx.upsert_search_attributes({"Marked": spelling})
        if spelling == "yields":
            yield ctx.continue_as_new(spelling, True)
        return ctx.continue_as_new(spelling, True)


@workflow.defn(name="first-type")
class FirstType:
    def run(self, ctx: WorkflowContext, value: str) -> Steps:
        yield ctx.schedule_activity("echo", [value])
        return ctx.continue_as_new(
            value, "from the first", workflow_type="second-type", task_queue="second-queue"
        )


@workflow.defn(name="second-type")
class SecondType:
    def run(self, ctx: WorkflowContext, *values: str) -> Steps:
        echoed = yield ctx.schedule_activity("echo", [list(values)])
        return echoed


@workflow.defn(name="plain")
class Plain:
    """Not a generator: what it returns ends the run at once."""

    def run(self, ctx: WorkflowContext, *args: Any) -> Any:
        if args and args[0] == "again":
            return ctx.continue_as_new("and done")
        return {"args": list(args)}


@workflow.defn(name="stays")
class Stays:
    """Stand at each kind of step at once."""

    def run(self, ctx: WorkflowContext) -> Steps:
        yield [
            ctx.schedule_activity("echo", [1], queue="nobody"),
            ctx.start_timer(3600),
            ctx.start_child_workflow("never-served", [], task_queue="nobody"),
        ]


@workflow.defn(name="attributes")
class Attributes:
    def run(self, ctx: WorkflowContext) -> Steps:
        nothing = yield ctx.upsert_search_attributes(
            {"Customer": "ada", "Amount": 3, "Rate": 1.5, "Open": True, "Gone": "soon"}
        )
        yield ctx.schedule_activity("echo", [nothing])
        yield ctx.upsert_search_attributes({"Amount": 4, "Gone": None})
        return nothing


@every_cache
@pytest.mark.parametrize("spelling", ["yields", "returns", "class"])
async def test_chain_of_runs(scene: Scene, spelling: str) -> None:
    async def once() -> None:
        handle = await scene.start("again", 3, spelling)
        assert await handle.result(timeout=20) == "done"
        runs = (await handle.list_runs()).runs
        assert [run.status for run in runs] == ["completed"] * 4
        for run in runs:
            await scene.examine(
                scene.client.get_workflow_handle(handle.workflow_id, run_id=run.run_id)
            )

    async with scene.working(Again):
        await scene.several(once)


@pytest.mark.parametrize("spelling", ["yields", "returns"])
async def test_markers_before_the_new_run_are_kept(scene: Scene, spelling: str) -> None:
    async with scene.working(Marks):
        handle = await scene.start("marks", spelling)
        assert await handle.result() == "second"
    events = await scene.types(handle)
    assert events[-1] == "WorkflowContinuedAsNew"
    assert "SideEffectRecorded" in events
    assert "SearchAttributesUpserted" in events
    assert (await scene.describe(handle))["search_attributes"] == {"Marked": spelling}


async def test_change_of_type_and_queue(scene: Scene) -> None:
    async with scene.working(FirstType), scene.working(SecondType, task_queue="second-queue"):
        handle = await scene.start("first-type", "x")
        assert await handle.result(timeout=20) == ["x", "from the first"]
        described = await scene.describe(handle)
    assert described["workflow_type"] == "second-type"
    assert described["task_queue"] == "second-queue"


async def test_plain_run_method(scene: Scene) -> None:
    async with scene.working(Plain):
        assert await scene.outcome("plain", 1, None) == {"args": [1, None]}
        handle = await scene.start("plain", "again")
        assert await handle.result() == {"args": ["and done"]}


@pytest.mark.parametrize("before", [True, False])
async def test_cancel_closes_the_run_at_once(scene: Scene, before: bool) -> None:
    handle = await scene.start("stays")
    async with scene.working(Stays):
        if not before:
            await scene.until(handle, lambda seen: "ChildRunStarted" in seen)
        await handle.cancel(reason="no longer wanted")
        with pytest.raises(WorkflowCancelled, match="no longer wanted"):
            await handle.result()
    await scene.examine(handle)
    events = await scene.types(handle)
    assert "WorkflowCancelled" in events[-2:]
    if not before:
        assert "ActivityCancelled" in events
        assert "TimerCancelled" in events


async def test_terminate_closes_the_run_at_once(scene: Scene) -> None:
    async with scene.working(Stays):
        handle = await scene.start("stays")
        await scene.until(handle, lambda seen: "ChildRunStarted" in seen)
        await handle.terminate(reason="out of order")
        with pytest.raises(WorkflowTerminated, match="out of order"):
            await handle.result()
    await scene.examine(handle)
    assert "WorkflowTerminated" in (await scene.types(handle))[-2:]


@pytest.mark.parametrize("option", ["execution_timeout_seconds", "run_timeout_seconds"])
async def test_run_that_takes_too_long(scene: Scene, option: str) -> None:
    async with scene.working(Stays):
        handle = await scene.start("stays", **{option: 1})
        with pytest.raises(WorkflowTimedOut) as timed_out:
            await handle.result()
    assert timed_out.value.timeout_kind == option.removesuffix("_seconds")
    await scene.examine(handle)


async def test_result_of_a_failed_run_raises(scene: Scene) -> None:
    @workflow.defn(name="raises-at-once")
    class RaisesAtOnce:
        def run(self, ctx: WorkflowContext) -> Steps:
            yield ctx.schedule_activity("echo", [1])
            raise LookupError("not there")

    async with scene.working(RaisesAtOnce):
        handle = await scene.start("raises-at-once")
        with pytest.raises(WorkflowFailed, match="not there"):
            await handle.result()
        await scene.examine(handle)


@every_cache
async def test_search_attributes_are_merged_and_shown(scene: Scene) -> None:
    async with scene.working(Attributes):
        handle = await scene.start("attributes", search_attributes={"Region": "eu"})
        assert await scene.result(handle) is None
    wanted = {"Region": "eu", "Customer": "ada", "Amount": 4, "Rate": 1.5, "Open": True}
    assert (await scene.describe(handle))["search_attributes"] == wanted
    upserted = payloads_of(await scene.history(handle), "SearchAttributesUpserted")
    assert upserted[-1]["attributes"] == {"Amount": 4, "Gone": None}
    listed = await scene.get("/api/workflows?workflow_type=attributes")
    assert [each["search_attributes"] for each in listed["workflows"]] == [wanted]


async def test_search_attributes_that_are_not_valid_fail_the_task(scene: Scene) -> None:
    @workflow.defn(name="bad-attributes")
    class BadAttributes:
        def run(self, ctx: WorkflowContext) -> Steps:
            yield ctx.upsert_search_attributes({"a name with blanks": 1})

    async with scene.working(BadAttributes):
        handle = await scene.start("bad-attributes")
        assert "a name with blanks" in await scene.task_error(handle)
        await handle.terminate()
        await eventually(lambda: scene.describe(handle), lambda seen: bool(seen["is_terminal"]))
