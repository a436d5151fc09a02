"""What a query or a validator sees: all that was acknowledged before, whoever holds the run."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from durable_workflow import Client, QueryFailed, UpdateRejected, workflow
from durable_workflow.client import WorkflowHandle
from durable_workflow.worker._paces import pace_of
from durable_workflow.workflow import WorkflowContext
from integration.harness.waiting import eventually
from integration.language.scene import DEFAULT_CACHE, QUEUE, Scene

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, DEFAULT_CACHE], indirect=True)


@workflow.defn(name="order")
class Order:
    """Wait to be touched, work for a while, then wait to be closed."""

    def __init__(self) -> None:
        self.touched = 0
        self.approved = 0
        self.stock = 0
        self.closed = False

    @workflow.signal("touch")
    def touch(self) -> None:
        self.touched += 1

    @workflow.signal("approve")
    def approve(self) -> None:
        self.approved += 1

    @workflow.signal("close")
    def close(self) -> None:
        self.closed = True

    @workflow.update("ship")
    def ship(self) -> str:
        return "shipped"

    @workflow.update_validator("ship")
    def check_ship(self) -> None:
        if not self.approved:
            raise ValueError("not approved")

    @workflow.update("restock")
    def restock(self, amount: int) -> int:
        self.stock += amount
        if amount == 13:
            raise LookupError("no such shelf")
        return self.stock

    @workflow.update_validator("restock")
    def check_restock(self, amount: int) -> None:
        if amount < 0:
            raise ValueError("not a number of things")

    @workflow.update("take")
    def take(self, amount: int) -> int:
        self.stock -= amount
        return self.stock

    @workflow.update_validator("take")
    def check_take(self, amount: int) -> None:
        if amount > self.stock:
            raise ValueError(f"only {self.stock} there")

    @workflow.query("state")
    def tell(self) -> list[int]:
        return [self.touched, self.approved, self.stock]

    def run(self, ctx: WorkflowContext, seconds: float, clears: bool = False) -> Steps:
        yield ctx.wait_condition(lambda: self.touched > 0, key="touched")
        if clears:
            self.approved = 0
        time.sleep(seconds)
        yield ctx.wait_condition(lambda: self.closed, key="closed")
        return [self.touched, self.approved, self.stock]


# Its code blocks while the test looks on from the same event loop: it is for threads, however quick
# its first tasks are.
pace_of(Order).note_overrun()


@asynccontextmanager
async def held_by_the_dead(scene: Scene, handle: WorkflowHandle) -> AsyncGenerator[None]:
    """The run's task, which a signal has made, is leased by a worker that is never heard again."""
    async with Client(scene.url) as client:
        await client.register_worker(
            worker_id="dead", task_queue=QUEUE, supported_workflow_types=["order"]
        )
        task = await client.poll_workflow_task(worker_id="dead", task_queue=QUEUE, timeout=20)
        assert task is not None
        assert task["run_id"] == handle.run_id
        yield


async def being_worked_on(scene: Scene, handle: WorkflowHandle) -> None:
    """Touch a run, and wait until a worker has the task that comes of it."""
    await handle.signal("touch")
    await eventually(
        lambda: scene.describe(handle),
        lambda seen: seen["workflow_task"] and seen["workflow_task"]["status"] == "leased",
    )


async def opened(scene: Scene, *arguments: Any) -> WorkflowHandle:
    """A run that waits to be touched, while no worker is there."""
    async with scene.working(Order):
        handle = await scene.start("order", *arguments)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
    return handle


@every_cache
async def test_update_is_validated_with_the_signals_that_came_during_a_task(scene: Scene) -> None:
    async with scene.working(Order):
        handle = await scene.start("order", 1)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await being_worked_on(scene, handle)
        await handle.signal("approve")
        assert await handle.query("state") == [1, 1, 0]
        assert await handle.update("ship", wait_for="completed") == "shipped"
        await handle.signal("close")
        assert await scene.result(handle) == [1, 1, 0]


@every_cache
async def test_signals_during_the_lease_of_a_dead_worker_are_seen_at_once(scene: Scene) -> None:
    handle = await opened(scene, 0)
    await handle.signal("touch")
    async with held_by_the_dead(scene, handle):
        await handle.signal("approve")
        async with scene.working(Order):
            asked = time.monotonic()
            for touched in (1, 2, 3):
                assert await handle.query("state") == [touched, 1, 0]
                await handle.signal("touch")
            assert time.monotonic() - asked < 5
            recorded = await scene.types(handle)
            assert recorded.count("SignalReceived") == 1  # asking writes nothing


@every_cache
async def test_signals_behind_a_decision_are_applied_behind_it(scene: Scene) -> None:
    """The code clears what it was told before; a signal during the task comes after that."""
    async with scene.working(Order):
        handle = await scene.start("order", 1, True)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await being_worked_on(scene, handle)
        await handle.signal("approve")
        assert await handle.query("state") == [1, 1, 0]
        assert await handle.update("ship", wait_for="completed") == "shipped"
        await handle.signal("close")
        assert await scene.result(handle) == [1, 1, 0]


@every_cache
async def test_validator_sees_the_updates_accepted_before(scene: Scene) -> None:
    handle = await opened(scene, 0)
    await handle.signal("touch")
    async with held_by_the_dead(scene, handle), scene.working(Order):
        assert await handle.update("restock", [5], wait_for="accepted") is None
        # This one fails when it is applied.
        assert await handle.update("restock", [13], wait_for="accepted") is None
        assert await handle.update("take", [3], wait_for="accepted") is None
        with pytest.raises(UpdateRejected, match="only 2 there"):
            await handle.update("take", [3])
        assert await handle.update("take", [2], wait_for="accepted") is None
        # A query is told of what happened, not of what will.
        assert await handle.query("state") == [1, 0, 0]
        assert "UpdateAccepted" not in await scene.types(handle)


@every_cache
async def test_questions_leave_no_trace(scene: Scene) -> None:
    async with scene.working(Order):
        handle = await scene.start("order", 0.5)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.signal("touch")
        for number in range(1, 6):
            await handle.signal("approve")
            assert (await handle.query("state"))[1] == number
            assert await handle.update("restock", [1]) == number
        with pytest.raises(UpdateRejected, match="only 5 there"):
            await handle.update("take", [6])
        await handle.signal("close")
        assert await scene.result(handle) == [1, 5, 5]


@workflow.defn(name="order")
class OtherOrder:
    """Another version of it, whose steps are not those of the runs that there are."""

    @workflow.query("state")
    def tell(self) -> list[int]:
        return []

    @workflow.update("restock")
    def restock(self, amount: int) -> None: ...

    def run(self, ctx: WorkflowContext, seconds: float, clears: bool = False) -> Steps:
        yield ctx.start_timer(60)


async def test_question_that_one_worker_cannot_answer_goes_to_another(scene: Scene) -> None:
    handle = await opened(scene, 0)
    async with scene.working(OtherOrder):
        with pytest.raises(QueryFailed, match="replay failed before query"):
            await handle.query("state")
        async with scene.working(Order):
            for _ in range(5):
                assert await handle.query("state") == [0, 0, 0]
                with pytest.raises(UpdateRejected, match="not a number of things"):
                    await handle.update("restock", [-1])
