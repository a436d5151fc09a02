"""A rolling deploy of two builds under load: each run is finished by the build it began with."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from durable_workflow import Client, Worker, activity, workflow
from durable_workflow.workflow import WorkflowContext
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually

Steps = Generator[Any, Any, Any]
QUEUE = "orders"


@activity.defn(name="charge")
async def charge(amount: int) -> int:
    return amount


@workflow.defn(name="order")
class OldOrder:
    """The code before the deploy: one charge, and a wait that lasts until the deploy."""

    def __init__(self) -> None:
        self.deployed = False

    @workflow.signal("deployed")
    def note_deployed(self) -> None:
        self.deployed = True

    def run(self, ctx: WorkflowContext, amount: int) -> Steps:
        charged = yield ctx.schedule_activity("charge", [amount])
        yield ctx.wait_condition(lambda: self.deployed)
        return ["old", charged]


@workflow.defn(name="order")
class NewOrder:
    """The code after it: other steps, which no history of the old code would fit."""

    def run(self, ctx: WorkflowContext, amount: int) -> Steps:
        yield ctx.start_timer(1)
        charged = yield ctx.schedule_activity("charge", [amount])
        again = yield ctx.schedule_activity("charge", [amount])
        return ["new", charged + again]


@dataclass
class Load:
    """Starts a workflow every few milliseconds, and notes by which build it has to be finished."""

    client: Client
    build: str = "old"
    started: dict[str, str] = field(default_factory=dict[str, str])
    paused: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        while True:
            async with self.paused:  # no start is under way while a build is promoted
                workflow_id = f"order-{len(self.started)}"
                self.started[workflow_id] = self.build
                await self.client.start_workflow(
                    workflow_type="order", task_queue=QUEUE, workflow_id=workflow_id, input=[1]
                )
            await asyncio.sleep(0.01)

    async def more(self, count: int) -> None:
        """Wait until so many more were started."""
        wanted = len(self.started) + count

        async def look() -> int:
            return len(self.started)

        await eventually(look, lambda seen: seen >= wanted)

    async def promote(self, build: str) -> None:
        async with self.paused:
            await self.client.promote_task_queue_build_id(QUEUE, build)
            self.build = build


async def test_each_run_is_finished_by_the_build_that_it_began_with(server: ServerProcess) -> None:
    async with Client(server.url) as client, contextlib.AsyncExitStack() as stack:
        # 1. The old build serves, and new runs are pinned to it.
        old = await stack.enter_async_context(_serving(client, "old", OldOrder))
        load = Load(client)
        await load.promote("old")
        loading = asyncio.create_task(load.run())
        await load.more(20)

        # 2. Workers of the new build come. They get no run of the old one.
        await stack.enter_async_context(_serving(client, "new", NewOrder))
        await load.more(20)

        # 3. New runs are pinned to the new build; those that are open stay with the old one.
        await load.promote("new")
        await load.more(20)
        before = await _cohort(client, "old")()
        assert before["pinned_run_count"] > 0, "the old build has work to finish"
        assert before["safe_to_remove"] is False
        for workflow_id, build in list(load.started.items()):
            if build == "old":
                await client.get_workflow_handle(workflow_id).signal("deployed")

        # 4. When no run is pinned to the old build any more it is drained, and taken away.
        await eventually(_cohort(client, "old"), lambda seen: seen["pinned_run_count"] == 0)
        await client.drain_task_queue_build_id(QUEUE, "old")
        drained = await eventually(_cohort(client, "old"), lambda seen: seen["safe_to_remove"])
        assert drained["rollout_status"] == "draining"
        await old.stop()
        gone = await eventually(
            _cohort(client, "old"), lambda seen: seen["total_worker_count"] == 0
        )
        assert gone["rolled_back_at"] is not None

        # 5. The load went on all the time, and everything that was started has its result.
        await load.more(20)
        async with load.paused:  # no start is cut off
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
        results = {
            workflow_id: await client.get_workflow_handle(workflow_id).result(timeout=30)
            for workflow_id in load.started
        }
        expected = {"old": ["old", 1], "new": ["new", 2]}
        assert results == {each: expected[build] for each, build in load.started.items()}
        assert set(load.started.values()) == {"old", "new"}


@contextlib.asynccontextmanager
async def _serving(client: Client, build: str, code: type[Any]) -> AsyncGenerator[Worker]:
    worker = Worker(client, task_queue=QUEUE, workflows=[code], activities=[charge], build_id=build)
    running = asyncio.create_task(worker.run())
    try:
        await eventually(_cohort(client, build), lambda seen: seen["active_worker_count"] == 1)
        yield worker
    finally:
        await worker.stop()
        await asyncio.wait_for(running, 30)


def _cohort(client: Client, build: str) -> Callable[[], Awaitable[dict[str, Any]]]:
    """What is told of a build, as it is on the wire."""

    async def look() -> dict[str, Any]:
        rollout = await client.list_task_queue_build_ids(QUEUE)
        found = [each.raw for each in rollout.build_ids if each.build_id == build]
        return (found[0] if found else None) or {"active_worker_count": 0}

    return look
