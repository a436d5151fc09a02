"""Claims of several activities that wait, for workers that have streams."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from durable_workflow.server.admission_settings import AdmissionSettings, Budget
from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.records.workers import find as find_worker
from durable_workflow.server.services import activity_claims
from durable_workflow.server.store.protocol import Tx

Json = dict[str, Any]


async def claim(
    server: Any, worker_ids: list[str], *, one_by_one: bool = False, fair: FairQueues | None = None
) -> list[Json]:
    """Claim for some workers in one unit, in this order; as often as it takes."""

    def found(tx: Tx, worker_id: str) -> Worker:
        worker = find_worker(tx, "default", worker_id)
        assert worker is not None
        return worker

    def work(tx: Tx) -> list[Json]:
        known = fair or FairQueues()
        workers = [found(tx, worker_id) for worker_id in worker_ids]
        tasks: list[Json] = []
        while len(tasks) < len(workers):
            left = workers[len(tasks) :]
            asking = left[:1] if one_by_one else left
            more = activity_claims.claim_waiting(tx, asking, server.settings, known)
            if not more:
                break
            assert len(more) <= len(asking)
            given = [task for task in more if task is not None]
            assert given, "others are next where a claim has ended a run"
            tasks += given
        return tasks

    claimed: list[Json] = await server.store.run(work)
    return claimed


async def run_with(server: Any, commands: Any, name: str, count: int, **start: Any) -> None:
    await server.start(name, **start)
    task = await server.task()
    await server.complete(task, *[commands.activity() for _ in range(count)])
    await server.pass_time(0.001)


async def test_each_worker_gets_a_task_the_oldest_first(server: Any, commands: Any) -> None:
    await server.register("v")
    await run_with(server, commands, "a", 2)
    await run_with(server, commands, "b", 2)
    tasks = await claim(server, ["w", "v", "w", "v", "w"])
    names = [(task["workflow_id"], task["lease_owner"]) for task in tasks]
    assert names == [("a", "w"), ("a", "v"), ("b", "w"), ("b", "v")]
    assert len({task["activity_attempt_id"] for task in tasks}) == 4
    assert await server.poll_activity() is None
    for task in tasks:
        reply = await server.complete_activity(task)
        assert reply.reason is None, reply.body
    for name in ("a", "b"):
        events = await server.events(name)
        types = Counter(event["event_type"] for event in events)
        assert (types["ActivityStarted"], types["ActivityCompleted"]) == (2, 2)
        assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


async def test_the_lower_priority_number_goes_first(server: Any, commands: Any) -> None:
    await run_with(server, commands, "late", 3, priority=7)
    await run_with(server, commands, "soon", 3, priority=2)
    names = [task["workflow_id"] for task in await claim(server, ["w"] * 5)]
    assert names == ["soon", "soon", "soon", "late", "late"]


async def test_classes_take_turns(server: Any, commands: Any) -> None:
    for name in ("a", "b"):
        await run_with(server, commands, name, 6, fairness_key=name)
    names = [task["workflow_id"] for task in await claim(server, ["w"] * 8)]
    assert Counter(names) == {"a": 4, "b": 4}


async def test_what_is_claimed_together_counts_for_its_class(server: Any, commands: Any) -> None:
    fair = FairQueues()
    await run_with(server, commands, "a", 4, fairness_key="a")
    await claim(server, ["w"] * 4, fair=fair)
    await run_with(server, commands, "a2", 4, fairness_key="a")
    await run_with(server, commands, "b", 4, fairness_key="b")
    names = [task["workflow_id"] for task in await claim(server, ["w"] * 4, fair=fair)]
    assert names == ["b"] * 4


async def test_no_more_are_claimed_than_a_budget_allows(server: Any, commands: Any) -> None:
    budget = Budget(max_active_leases_per_queue=2)
    server.configure(admission=AdmissionSettings(activity=budget))
    await run_with(server, commands, "a", 5)
    assert len(await claim(server, ["w"] * 5)) == 2


async def test_a_worker_whose_build_is_drained_gets_none(server: Any, commands: Any) -> None:
    await run_with(server, commands, "a", 2)

    def work(tx: Tx) -> list[Json | None]:
        worker = find_worker(tx, "default", "w")
        assert worker is not None
        drained = msgspec.structs.replace(worker, draining=1)
        return activity_claims.claim_waiting(tx, [drained] * 2, server.settings, FairQueues())

    tasks: list[Json] = await server.store.run(work)
    assert tasks == []


async def test_a_run_that_ends_for_its_history_gives_no_task_and_others_go_on(
    server: Any, commands: Any
) -> None:
    await run_with(server, commands, "a", 3)
    before = len(await server.events("a"))
    await run_with(server, commands, "b", 1)
    assert len(await server.events("b")) < before
    server.limit(history_events=before)
    tasks = await claim(server, ["w"] * 3)
    assert [task["workflow_id"] for task in tasks] == ["b"]
    shown = await server.describe("a")
    assert shown["status"] == "failed"
    # One event was one too many: no further task of the run was begun.
    types = Counter(event["event_type"] for event in await server.events("a"))
    assert types["ActivityStarted"] == 1


@pytest.mark.parametrize("seed", range(10))
async def test_together_are_claimed_those_that_would_be_one_by_one(
    server: Any, commands: Any, seed: int
) -> None:
    found: list[list[Json]] = []
    for queue in ("one-by-one", "together"):
        chance = random.Random(seed)
        server.queue = queue
        await server.register("w")
        await server.register("v")
        one: Json = {"fairness_key": "a"}
        keys: list[Json] = chance.choice([[{}], [{}, one], [one]])
        for number in range(6):
            fields = chance.choice(keys) | {"priority": chance.choice([3, 5])}
            width = chance.randint(1, 4)
            await run_with(server, commands, f"{number}-{queue}", width, **fields)
        workers = [chance.choice(["w", "v"]) for _ in range(12)]
        found.append(await claim(server, workers, one_by_one=queue == "one-by-one"))
    names = [
        [(task["workflow_id"].partition("-")[0], task["lease_owner"]) for task in tasks]
        for tasks in found
    ]
    assert names[0] == names[1]
    assert len({task["task_id"] for tasks in found for task in tasks}) == sum(map(len, found))


async def test_a_run_that_its_claims_end_moves_no_task_of_another_to_the_wrong_worker(
    server: Any, commands: Any
) -> None:
    for worker_id in ("v", "u"):
        await server.register(worker_id)
    again = commands.activity(retry_policy={"max_attempts": 5, "backoff_seconds": [1]})
    await server.start("a")
    await server.complete(await server.task(), again, again)
    await server.pass_time(0.001)
    await server.fail_activity(await server.poll_activity())
    await run_with(server, commands, "b", 1)
    await server.pass_time(10)
    # Of the two of "a", between which stands that of "b", the second is one too many.
    server.limit(history_events=len(await server.events("a")) + 1)
    asked = ["w", "v", "u"]

    def work(tx: Tx) -> list[Json | None]:
        workers = [find_worker(tx, "default", worker_id) for worker_id in asked]
        known = [worker for worker in workers if worker is not None]
        return activity_claims.claim_waiting(tx, known, server.settings, FairQueues())

    found: list[Json | None] = await server.store.run(work)
    assert [None if task is None else task["workflow_id"] for task in found] == [None, "b", None]
    assert found[1] is not None
    assert found[1]["lease_owner"] == "v"
