"""Condition waits: what satisfies them, what times them out, and loops over one key."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.workflow import WorkflowContext
from integration.language.activities import gate
from integration.language.scene import DEFAULT_CACHE, Scene, payloads_of

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, 1, DEFAULT_CACHE], indirect=True)


class Inbox:
    """What the workflows here have in common."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    @workflow.signal("put")
    def put(self, item: Any) -> None:
        self.items.append(item)

    @workflow.update("put-too")
    def put_too(self, item: Any) -> int:
        self.items.append(item)
        return len(self.items)

    @workflow.query("items")
    def tell(self) -> list[Any]:
        return self.items


@workflow.defn(name="waits")
class Waits(Inbox):
    """Wait for this many items, with this timeout."""

    def run(self, ctx: WorkflowContext, wanted: int, timeout: float | None) -> Steps:
        satisfied = yield ctx.wait_condition(
            lambda: len(self.items) >= wanted, key="items", timeout=timeout
        )
        return {"satisfied": satisfied, "items": self.items}


@workflow.defn(name="queue")
class Queue(Inbox):
    """A loop over one wait: each item is worked on, until there is nothing for too long."""

    def run(self, ctx: WorkflowContext, total: int, timeout: float | None = None) -> Steps:
        done: list[Any] = []
        while len(done) < total:
            if not (
                yield ctx.wait_condition(lambda: bool(self.items), key="work", timeout=timeout)
            ):
                done.append("timeout")
                continue
            done.append((yield ctx.schedule_activity("echo", [self.items.pop(0)])))
        return done


@workflow.defn(name="bare-loop")
class BareLoop(Inbox):
    """A loop over one wait without anything in between."""

    def has_more_than(self, number: int) -> bool:
        return len(self.items) > number

    def run(self, ctx: WorkflowContext, total: int) -> Steps:
        taken: list[Any] = []
        for number in range(total):
            yield ctx.wait_condition(partial(self.has_more_than, number), key="next")
            taken.append([number, len(self.items)])
        return [taken, self.items]


@workflow.defn(name="beside")
class Beside(Inbox):
    """A wait after steps, and steps after a wait."""

    def run(self, ctx: WorkflowContext, name: str) -> Steps:
        first = yield ctx.schedule_activity("later", [1, name, None])
        version = yield ctx.get_version("beside", 1, 2)
        token = yield ctx.side_effect(lambda: "token")
        in_time = yield ctx.wait_condition(lambda: "go" in self.items, key="go", timeout=30)
        yield ctx.sleep(0)
        return [first, version, token, in_time]


@every_cache
async def test_satisfied_by_signals(scene: Scene) -> None:
    async def once() -> None:
        handle = await scene.start("waits", 2, None)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.signal("put", ["one"])
        await scene.until_idle(handle)
        assert await handle.query("items") == ["one"]
        await handle.signal("put", ["two"])
        result = await scene.result(handle)
        assert result == {"satisfied": True, "items": ["one", "two"]}
        assert "ConditionWaitSatisfied" in await scene.types(handle)

    async with scene.working(Waits):
        await scene.several(once)


@every_cache
async def test_satisfied_by_an_update(scene: Scene) -> None:
    async with scene.working(Waits):
        handle = await scene.start("waits", 1, 30)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        assert await handle.update("put-too", ["x"], wait_for="completed") == 1
        assert await scene.result(handle) == {"satisfied": True, "items": ["x"]}
        events = await scene.types(handle)
        # The timer of a wait that was passed is cancelled.
        assert "TimerCancelled" in events
        assert "TimerFired" not in events


@every_cache
@pytest.mark.parametrize("timeout", [1, 0.2])
async def test_wait_times_out_and_says_what_it_waited_for(scene: Scene, timeout: float) -> None:
    async with scene.working(Waits):
        handle = await scene.start("waits", 1, timeout)
        assert await scene.result(handle) == {"satisfied": False, "items": []}
    opened, *_ = payloads_of(await scene.history(handle), "ConditionWaitOpened")
    assert opened["condition_key"] == "items"
    assert opened["condition_definition_fingerprint"].startswith("sha256:v2:")
    assert opened["timeout_seconds"] == 1


@every_cache
async def test_zero_timeout_times_out_at_once(scene: Scene) -> None:
    async with scene.working(Waits):
        handle = await scene.start("waits", 1, 0)
        assert await scene.result(handle) == {"satisfied": False, "items": []}


async def test_zero_timeout_of_a_condition_that_holds(scene: Scene) -> None:
    async with scene.working(Waits):
        assert await scene.outcome("waits", 0, 0) == {"satisfied": True, "items": []}


@every_cache
async def test_signal_that_satisfies_nothing_keeps_the_timeout(scene: Scene) -> None:
    async with scene.working(Waits):
        handle = await scene.start("waits", 2, 1)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.signal("put", ["only one"])
        assert await scene.result(handle) == {"satisfied": False, "items": ["only one"]}


@every_cache
async def test_loop_over_one_key_takes_each_item_once(scene: Scene) -> None:
    async def once() -> None:
        handle = await scene.start("queue", 12)
        for number in range(12):
            await handle.signal("put", [number])
        assert await scene.result(handle) == list(range(12))

    async with scene.working(Queue):
        await scene.several(once)


@every_cache
async def test_loop_over_one_key_with_signals_in_a_crowd(scene: Scene) -> None:
    async with scene.working(Queue, BareLoop):
        queue = await scene.start("queue", 30)
        bare = await scene.start("bare-loop", 30)
        await asyncio.gather(
            *[handle.signal("put", [number]) for number in range(30) for handle in (queue, bare)]
        )
        assert sorted(await scene.result(queue)) == list(range(30))
        taken, items = await scene.result(bare)
        assert sorted(items) == list(range(30))
        assert [number for number, _ in taken] == list(range(30))
        assert all(known > number for number, known in taken)


@every_cache
async def test_loop_with_timeouts_between_items(scene: Scene) -> None:
    async with scene.working(Queue):
        handle = await scene.start("queue", 3, 1)
        await handle.signal("put", ["a"])
        await scene.until(handle, lambda seen: "TimerFired" in seen)
        await handle.signal("put", ["b"])
        assert await scene.result(handle) == ["a", "timeout", "b"]


@every_cache
async def test_wait_among_other_steps(scene: Scene) -> None:
    async with scene.working(Beside):
        handle = await scene.start("beside", "beside")
        await handle.signal("put", ["nothing"])
        gate("beside").set()
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.signal("put", ["go"])
        assert await scene.result(handle) == [1, 2, "token", True]


@every_cache
async def test_wait_survives_another_worker(scene: Scene) -> None:
    async with scene.working(Waits):
        handle = await scene.start("waits", 3, None)
        await handle.signal("put", [1])
        await scene.until_idle(handle)
    async with scene.working(Waits):
        await handle.signal("put", [2])
        await handle.signal("put", [3])
        assert await scene.result(handle) == {"satisfied": True, "items": [1, 2, 3]}


@every_cache
async def test_timeout_counts_from_when_it_was_first_asked_for(scene: Scene) -> None:
    async with scene.working(Waits):
        handle = await scene.start("waits", 1_000, 3)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        result = asyncio.create_task(scene.result(handle))
        signals = 0
        while not result.done():
            await handle.signal("put", [signals])
            signals += 1
            await asyncio.wait({result}, timeout=0.5)  # the pace of the signals
            assert signals < 12
        assert (await result)["satisfied"] is False
    history = await scene.history(handle)
    assert [event["event_type"] for event in history].count("ConditionWaitOpened") == 1
    [first] = [each for each in history if each["event_type"] == "ConditionWaitOpened"]
    (timer,) = payloads_of(history, "TimerScheduled")
    (fired,) = payloads_of(history, "TimerFired")
    opened, due, at = map(
        datetime.fromisoformat, (first["timestamp"], timer["fire_at"], fired["fired_at"])
    )
    assert due - opened == timedelta(seconds=3)
    assert at >= due


async def test_timeout_goes_on_with_another_worker(scene: Scene) -> None:
    async with scene.working(Waits):
        handle = await scene.start("waits", 3, 2)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
    async with scene.working(Waits):
        await handle.signal("put", [1])
        assert await scene.result(handle) == {"satisfied": False, "items": [1]}
    assert (await scene.types(handle)).count("ConditionWaitOpened") == 1


def _more_were_done(number: int, seen: list[str]) -> bool:
    return seen.count("ActivityCompleted") > number


@every_cache
async def test_same_wait_asked_for_again_has_its_whole_timeout(scene: Scene) -> None:
    async with scene.working(Queue):
        handle = await scene.start("queue", 3, 2)
        for number in range(2):
            await handle.signal("put", [number])
            await scene.until(handle, partial(_more_were_done, number))
        assert await scene.result(handle) == [0, 1, "timeout"]
    history = await scene.history(handle)
    fired = payloads_of(history, "TimerFired")[-1]
    opened = [
        e for e in payloads_of(history, "TimerScheduled") if e["timer_id"] == fired["timer_id"]
    ]
    assert len(opened) == 1
    assert payloads_of(history, "ConditionWaitOpened")[-1]["sequence"] == opened[0]["sequence"]
