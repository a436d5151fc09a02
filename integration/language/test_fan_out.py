"""Lists: results in yielded order, whatever order they were completed in."""

from __future__ import annotations

import random
from collections.abc import Generator
from functools import partial
from typing import Any

import pytest

from durable_workflow import ActivityFailed, workflow
from durable_workflow.errors import ChildWorkflowFailed
from durable_workflow.workflow import WorkflowContext
from integration.harness.waiting import eventually
from integration.language.activities import gate, seen
from integration.language.scene import DEFAULT_CACHE, Scene, payloads_of

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, 1, DEFAULT_CACHE], indirect=True)


@workflow.defn(name="fans-out")
class FansOut:
    """The gates of `later` make the order; `order` says who comes after whom."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    @workflow.signal("say")
    def say(self, word: Any) -> None:
        self.heard.append(word)

    def run(self, ctx: WorkflowContext, name: str, order: list[int]) -> Steps:
        commands: list[Any] = [None] * len(order)
        for position, member in enumerate(order):
            after = f"{name}-{position - 1}" if position else None
            commands[member] = ctx.schedule_activity("later", [member, after, f"{name}-{position}"])
        results = yield commands
        last = yield ctx.schedule_activity("echo", ["last"])
        return {"results": results, "last": last}


@workflow.defn(name="one-by-one")
class OneByOne(FansOut):
    """A list whose members the test lets go one by one."""

    def run(self, ctx: WorkflowContext, width: int) -> Steps:  # type: ignore[override]
        results = yield [
            ctx.schedule_activity("later", [n, f"member-{n}", None]) for n in range(width)
        ]
        return results


@workflow.defn(name="one-of-each")
class OneOfEach:
    """Everything that may stand in a list, nested, and empty lists."""

    def run(self, ctx: WorkflowContext) -> Steps:
        mixed = yield [
            ctx.schedule_activity("echo", ["a"]),
            ctx.start_timer(0),
            ctx.start_child_workflow("one", ["c"]),
            [
                ctx.schedule_activity("echo", ["d"]),
                [],
                [ctx.sleep(0.5), ctx.start_child_workflow("one", ["e"])],
            ],
        ]
        empty = yield []
        nested = yield [[], [[]]]
        single = yield [ctx.schedule_activity("echo", ["f"])]
        return [mixed, empty, nested, single]


@workflow.defn(name="one")
class One:
    def run(self, ctx: WorkflowContext, value: Any) -> Steps:
        result = yield ctx.schedule_activity("echo", [value])
        return result


@workflow.defn(name="fails-in-list")
class FailsInList:
    """The first failure in the order of the list is what is thrown."""

    def run(self, ctx: WorkflowContext) -> Steps:
        try:
            yield [
                ctx.schedule_activity("echo", [1]),
                ctx.schedule_activity("later", [None, "second-failed", None]),
                ctx.schedule_activity("fails", ["first in the list"]),
                ctx.schedule_activity("fails", ["second in the list"]),
                ctx.start_child_workflow("breaks", []),
            ]
        except (ActivityFailed, ChildWorkflowFailed) as error:
            again = yield [ctx.schedule_activity("echo", [str(error)])]
            return again
        return "nothing was thrown"


@workflow.defn(name="breaks")
class Breaks:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("later", [None, None, "second-failed"])
        raise ValueError("the child")


@workflow.defn(name="rows")
class Rows:
    """Lists in a row."""

    def run(self, ctx: WorkflowContext, rows: int, width: int) -> Steps:
        total = 0
        for row in range(rows):
            results = yield [ctx.schedule_activity("echo", [row * width + n]) for n in range(width)]
            assert results == [row * width + n for n in range(width)]
            total += sum(results)
        return total


@every_cache
@pytest.mark.parametrize("seed", range(3))
async def test_results_come_in_yielded_order(scene: Scene, seed: int) -> None:
    order = list(range(12))
    random.Random(seed).shuffle(order)

    async def once() -> None:
        handle = await scene.start("fans-out", f"f{id(object())}", order)
        result = await scene.result(handle)
        assert result == {"results": list(range(12)), "last": "last"}
        events = await scene.history(handle)
        scheduled = [e["sequence"] for e in payloads_of(events, "ActivityScheduled")]
        assert scheduled == sorted(scheduled)
        # One task for the list, however many members complete.
        assert len(payloads_of(events, "ActivityScheduled")) == 13

    async with scene.working(FansOut, max_concurrent_activity_tasks=60):
        await scene.several(once)


@every_cache
async def test_completion_order_is_the_random_one(scene: Scene) -> None:
    order = [3, 1, 4, 0, 2]
    async with scene.working(OneByOne):
        handle = await scene.start("one-by-one", 5)
        await scene.until(handle, lambda types: types.count("ActivityStarted") == 5)
        for count, member in enumerate(order, 1):
            await handle.signal("say", ["while it runs"])
            gate(f"member-{member}").set()
            await eventually(_returned, partial(_has_length, count))
        assert await scene.result(handle) == list(range(5))
    assert await _returned() == order
    # Outcomes of one list stand in its order, whatever order they came in.
    events = await scene.history(handle)
    scheduled = [e["sequence"] for e in payloads_of(events, "ActivityScheduled")]
    assert [e["sequence"] for e in payloads_of(events, "ActivityCompleted")] == scheduled


def _has_length(length: int, values: list[Any]) -> bool:
    return len(values) == length


async def _returned() -> list[Any]:
    return seen.get("later", [])


@every_cache
async def test_mixed_nested_and_empty_lists(scene: Scene) -> None:
    async def once() -> None:
        assert await scene.outcome("one-of-each") == [
            ["a", None, "c", ["d", [], [None, "e"]]],
            [],
            [[], [[]]],
            ["f"],
        ]

    async with scene.working(OneOfEach, One):
        await scene.several(once)


@every_cache
async def test_first_failure_in_list_order_is_thrown(scene: Scene) -> None:
    async with scene.working(FailsInList, Breaks):
        assert await scene.outcome("fails-in-list") == ["first in the list"]


@every_cache
async def test_lists_in_a_row(scene: Scene) -> None:
    async with scene.working(Rows):
        assert await scene.outcome("rows", 6, 7) == sum(range(42))


async def test_worker_that_goes_away_in_the_middle_of_a_list(scene: Scene) -> None:
    order = [0, 1, 2, 3]
    async with scene.working(FansOut, activities=[]):
        handle = await scene.start("fans-out", "split", order)
        await scene.until(handle, lambda seen: seen.count("ActivityScheduled") == 4)
    await handle.signal("say", ["nobody is there"])
    gate("split-0").set()
    async with scene.working(FansOut):
        assert (await scene.result(handle))["results"] == order
    assert await eventually(lambda: scene.types(handle), bool)
