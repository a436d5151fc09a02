"""Workers, task queues and builds, as an operator steers them on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import Client, Worker, workflow
from durable_workflow.errors import InvalidArgument, WorkerNotFound
from durable_workflow.workflow import WorkflowContext
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually
from integration.harness.wire import Wire

Steps = Generator[Any, Any, Any]


@workflow.defn(name="fleet")
class Fleet:
    """Ends at once."""

    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.side_effect(lambda: 1)
        return "done"


async def test_a_worker_is_listed_described_and_taken_out(server: ServerProcess) -> None:
    async with Client(server.url) as client:
        worker = Worker(client, task_queue="q", workflows=[Fleet], worker_id="w-1", build_id="b1")
        running = asyncio.create_task(worker.run())
        try:
            await eventually(client.list_workers, lambda found: bool(found.workers))
            listed = await client.list_workers(task_queue="q", status="active")
            assert [each.worker_id for each in listed.workers] == ["w-1"]
            assert listed.stale_after_seconds
            described = await client.describe_worker("w-1")
            assert (described.build_id, described.status) == ("b1", "active")
            assert described.supported_workflow_types == ["fleet"]
            assert described.updated_at is not None
            first = await client.start_workflow(
                workflow_type="fleet", task_queue="q", workflow_id="first"
            )
            assert await first.result() == "done"

            gone = await client.deregister_worker("w-1")
            assert gone == gone | {"worker_id": "w-1", "outcome": "deregistered"}
            with pytest.raises(WorkerNotFound):
                await client.deregister_worker("w-1")
            with pytest.raises(WorkerNotFound):
                await client.describe_worker("w-1")
            # It is given nothing more, and cannot come back; a new worker of the id can.
            await client.start_workflow(workflow_type="fleet", task_queue="q", workflow_id="later")
            with Wire(server.url) as wire:
                wire.register("other", queue="q")
                task = wire.poll("workflow", "other", queue="q")
            assert task["workflow_id"] == "later"
            assert [each.worker_id for each in (await client.list_workers()).workers] == ["other"]
            with pytest.raises(RuntimeError, match="an operator deregistered this worker"):
                await asyncio.wait_for(running, 10)
        finally:
            await worker.stop()
        successor = Worker(client, task_queue="q", workflows=[Fleet], worker_id="w-1")
        ended = await successor.run_until(workflow_id="later", timeout=30)
        assert ended.status == "completed"


async def test_a_queue_is_listed_and_described(server: ServerProcess) -> None:
    with Wire(server.url) as wire:
        wire.register("w", queue="billing", max_concurrent_workflow_tasks=7)
        wire.start("inv-1", workflow_type="settle", queue="billing")
        wire.start("inv-2", workflow_type="settle", queue="billing")
        wire.poll("workflow", "w", queue="billing")
    async with Client(server.url) as client:
        [queue] = (await client.list_task_queues()).task_queues
        assert queue.name == "billing"
        assert queue.pollers is None
        described = await client.describe_task_queue("billing")
        assert described.current_leases is not None
        assert [each["workflow_id"] for each in described.current_leases] == ["inv-1"]
        assert described.admission is not None
        admission = described.admission.workflow_tasks
        assert admission is not None
        assert (admission.leased_count, admission.ready_count) == (1, 1)
        assert (admission.configured_slot_count, admission.status) == (7, "accepting")
        nobody = await client.describe_task_queue("nobody")
        assert (nobody.pollers, nobody.current_leases) == ([], [])


async def test_builds_are_drained_resumed_and_promoted(server: ServerProcess) -> None:
    with Wire(server.url) as wire:
        wire.register("old", queue="q", build_id="b1")
        wire.register("new", queue="q", build_id="b2")
    async with Client(server.url) as client:
        promoted = await client.promote_task_queue_build_id("q", "b2")
        assert (promoted.new_start_selected, promoted.drain_intent) == (True, "active")
        drained = await client.drain_task_queue_build_id("q", "b1")
        again = await client.drain_task_queue_build_id("q", "b1")
        assert drained.drained_at == again.drained_at
        rollout = await client.list_task_queue_build_ids("q")
        assert [each.build_id for each in rollout.build_ids] == ["b2", "b1"]
        old = rollout.build_ids[1]
        assert (old.rollout_status, old.draining_worker_count) == ("draining", 1)
        assert old.raw is not None
        assert old.raw["safe_to_remove"] is True
        resumed = await client.resume_task_queue_build_id("q", "b1")
        assert (resumed.drain_intent, resumed.drained_at) == ("active", None)
        unversioned = await client.drain_task_queue_build_id("q", None)
        assert unversioned.build_id is None
        with pytest.raises(InvalidArgument):
            await client.drain_task_queue_build_id("q", "x" * 256)
