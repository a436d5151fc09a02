"""Budgets hold for streams and polls alike, and who waits is woken when there is room again."""

from __future__ import annotations

import asyncio
from typing import Any

from durable_workflow.server import Settings
from durable_workflow.server.admission_settings import AdmissionSettings, Budget

LEASES = AdmissionSettings(workflow=Budget(max_active_leases_per_queue=2))
OF_NAMESPACE = AdmissionSettings(workflow=Budget(max_active_leases_per_namespace=1))


async def test_a_stream_gets_a_task_for_each_lease_that_ends(staged: Any) -> None:
    async with staged(admission=LEASES) as stage:
        peer = await stage.peer(slots={"workflow": 10})
        for number in range(6):
            await stage.start(f"wf-{number}")
        found: list[str] = []
        tasks = [await peer.task(), await peer.task()]
        assert await peer.silent()
        while tasks:
            task = tasks.pop(0)
            found.append(task["workflow_id"])
            await peer.acknowledged(await peer.complete(task))
            if len(found) + len(tasks) < 6:
                tasks.append(await peer.task())
        assert found == [f"wf-{number}" for number in range(6)]


async def test_a_held_poll_is_woken_when_a_lease_ends(staged: Any) -> None:
    settings = Settings(db=":memory:", long_poll_timeout=30)
    async with staged(settings, admission=LEASES) as stage:
        peer = await stage.peer(slots={"workflow": 2})
        await stage.register("poller", "p", capabilities=[])
        for number in range(3):
            await stage.start(f"wf-{number}")
        tasks = [await peer.task(), await peer.task()]
        await peer.send({"type": "slots", "workflow": 0, "activity": 0, "query": 0})
        polling = asyncio.create_task(stage.poll("poller"))
        async with asyncio.timeout(10):
            while not any(stage.server.dispatcher.held_polls()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await peer.complete(tasks[0])
        assert (await asyncio.wait_for(polling, 10))["workflow_id"] == "wf-2"


async def test_a_lease_of_one_queue_makes_room_in_another_of_the_namespace(staged: Any) -> None:
    async with staged(admission=OF_NAMESPACE) as stage:
        one = await stage.peer("one", "1", slots={"workflow": 5})
        other = await stage.peer("other", "2", slots={"workflow": 5}, task_queue="other")
        await stage.start("a")
        task = await one.task()
        await stage.start("b", task_queue="other")
        assert await other.silent()
        await one.complete(task)
        assert (await other.task())["workflow_id"] == "b"
