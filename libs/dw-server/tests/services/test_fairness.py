"""Which ready task is given out next: by priority, then by fairness class, then by age."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.records import fairness as records
from durable_workflow.server.records.fairness import QueueKey, ReadyClass
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.records.workers import find as find_worker
from durable_workflow.server.services import fairness, workflow_claims
from durable_workflow.server.store.protocol import Read, Tx

KEY = QueueKey("workflow", "default", "q")


async def start(server: Any, name: str, **fields: Any) -> None:
    await server.start(name, **fields)
    await server.pass_time(0.001)


async def taken(server: Any, count: int, worker_id: str = "w") -> list[str]:
    return [(await server.task(worker_id))["workflow_id"] for _ in range(count)]


async def test_the_lowest_priority_goes_first_and_then_the_oldest(server: Any) -> None:
    for name, priority in (("a", 5), ("b", 0), ("c", 9), ("d", 0)):
        await start(server, name, priority=priority)
    assert await taken(server, 4) == ["b", "d", "a", "c"]


async def test_a_priority_of_which_nothing_is_due_is_passed_by(server: Any) -> None:
    await start(server, "urgent", priority=0)
    await server.fail(await server.task())  # it rests for a second
    await start(server, "later", priority=9)
    assert await taken(server, 1) == ["later"]


async def test_a_class_with_many_tasks_does_not_hold_up_others(server: Any) -> None:
    for number in range(20):
        await start(server, f"a-{number}", fairness_key="a")
    await start(server, "b-0", fairness_key="b")
    await start(server, "none-0")
    assert set(await taken(server, 3)) == {"a-0", "b-0", "none-0"}


async def test_runs_without_a_key_are_one_class(server: Any) -> None:
    for number in range(20):
        await start(server, f"none-{number}")
        await start(server, f"a-{number}", fairness_key="a")
    shares = Counter(name.partition("-")[0] for name in await taken(server, 20))
    assert shares == {"none": 10, "a": 10}


async def test_classes_share_by_their_weights(server: Any) -> None:
    for number in range(60):
        await start(server, f"a-{number}", fairness_key="a", fairness_weight=3)
        await start(server, f"b-{number}", fairness_key="b")
    shares = Counter(name.partition("-")[0] for name in await taken(server, 60))
    assert shares == {"a": 45, "b": 15}


async def test_within_a_class_the_oldest_goes_first(server: Any) -> None:
    for number in range(4):
        await start(server, f"a-{number}", fairness_key="a")
    assert await taken(server, 4) == ["a-0", "a-1", "a-2", "a-3"]


async def test_what_was_given_counts_half_after_half_a_minute(server: Any) -> None:
    for number in range(12):
        await start(server, f"a-{number}", fairness_key="a")
    await taken(server, 8)
    await server.pass_time(60)  # eight count as two
    await server.register()
    for number in range(6):
        await start(server, f"b-{number}", fairness_key="b")
    # Two of b, until it has as much; then they take turns.
    names = [name.partition("-")[0] for name in await taken(server, 6)]
    assert names[:2] == ["b", "b"]
    assert Counter(names) == {"b": 4, "a": 2}


async def test_a_task_that_never_waited_counts_as_one_that_did(server: Any) -> None:
    """Streams claim a task in the unit that makes it ready: those are counted too."""
    fair = FairQueues()
    for number in range(4):
        await server.start(f"a-{number}", fairness_key="a")

        def claim(tx: Tx) -> None:
            worker = find_worker(tx, "default", "w")
            assert worker is not None
            [first] = records.ready(tx, KEY, above=-1, first="", most=5)
            task = workflow_claims.claim_for(
                tx, worker, first.task_id, tuple, False, server.settings, fair
            )
            assert task is not None

        await server.store.run(claim)
    await start(server, "a-4", fairness_key="a")
    for number in range(4):
        await start(server, f"b-{number}", fairness_key="b")
    assert await taken(server, 4) == ["b-0", "b-1", "b-2", "b-3"]


async def test_claims_of_one_unit_share_too(server: Any) -> None:
    for number in range(10):
        await start(server, f"a-{number}", fairness_key="a")
    for number in range(10):
        await start(server, f"b-{number}", fairness_key="b")
    fair = FairQueues()

    def claim(tx: Tx) -> list[str]:
        worker = find_worker(tx, "default", "w")
        assert worker is not None
        return [of(tx, worker, fair)[0] for _ in range(10)]

    def of(tx: Tx, worker: Worker, fair: FairQueues) -> str:
        task = workflow_claims.claim_for(tx, worker, None, tuple, False, server.settings, fair)
        assert task is not None
        name: str = task["workflow_id"]
        return name

    assert Counter(await server.store.run(claim)) == {"a": 5, "b": 5}


async def test_a_class_without_a_task_for_the_worker_is_passed_by(server: Any) -> None:
    await server.register("v", supported_workflow_types=["other"])
    for number in range(5):
        await start(server, f"a-{number}", fairness_key="a")
    await start(server, "b-0", fairness_key="b", workflow_type="other")
    assert await taken(server, 1, "v") == ["b-0"]
    assert await server.poll("v") is None


async def test_activities_share_by_the_keys_of_their_runs(server: Any, commands: Any) -> None:
    for name in ("a", "b"):
        await server.start(name, fairness_key=name)
        task = await server.task()
        await server.complete(task, *[commands.activity() for _ in range(6)])
        await server.pass_time(0.001)
    names = [(await server.activity())["workflow_id"] for _ in range(6)]
    assert Counter(names) == {"a": 3, "b": 3}


async def test_queues_without_keys_count_nothing(server: Any) -> None:
    for number in range(3):
        await start(server, f"a-{number}")
    await taken(server, 3)

    def counted(read: Read) -> bool:
        return records.are_counted(read, KEY)

    assert await server.store.read(counted) is False


@pytest.mark.parametrize("classes", [99, 100, 101, 250])
async def test_of_very_many_classes_none_is_starved(server: Any, classes: int) -> None:
    fair = FairQueues()
    waiting = [f"k{number:03}" for number in range(classes)]
    for name in waiting:
        for number in range(3):
            await server.start(f"{name}-{number}", fairness_key=name)

    def claim(tx: Tx) -> list[str]:
        worker = find_worker(tx, "default", "w")
        assert worker is not None
        found: list[str] = []
        for _ in range(2 * classes):
            task = workflow_claims.claim_for(tx, worker, None, tuple, False, server.settings, fair)
            assert task is not None
            found.append(task["workflow_id"].partition("-")[0])
        return found

    assert set(await server.store.run(claim)) == set(waiting)


async def test_a_search_finds_what_only_the_last_of_many_classes_has(server: Any) -> None:
    for number in range(210):
        await server.start(f"k{number:03}", fairness_key=f"k{number:03}")
    fair = FairQueues()
    fair.move_place(KEY, "k150")

    async def last_of(prefix: str) -> str | None:
        def take(of: ReadyClass, _: bool) -> str | None:
            return of.name if of.name.startswith(prefix) else None

        def work(tx: Tx) -> str | None:
            return fairness.choose(tx, KEY, fair, take)

        found: str | None = await server.store.run(work)
        return found

    for name in ("k000", "k149", "k150", "k151", "k209"):
        assert await last_of(name) == name
    assert await last_of("nobody") is None


async def test_the_first_class_is_known_to_be_the_only_one(server: Any) -> None:
    async def first(above: int = -1) -> tuple[int, str, bool] | None:
        def work(read: Read) -> tuple[ReadyClass, bool] | None:
            return records.first(read, KEY, above=above)

        found = await server.store.read(work)
        return None if found is None else (found[0].priority, found[0].name, found[1])

    assert await first() is None
    await start(server, "b-0", fairness_key="b", priority=5)
    assert await first() == (5, "b", True)
    await start(server, "b-1", fairness_key="b", priority=5)
    await start(server, "c-0", fairness_key="c", priority=7)
    assert await first() == (5, "b", True)
    await start(server, "none", priority=5)
    assert await first() == (5, "", False)
    assert await first(above=5) == (7, "c", True)
    assert await first(above=7) is None


async def test_the_first_class_of_activities_is_known_to_be_the_only_one(
    server: Any, commands: Any
) -> None:
    key = QueueKey("activity", "default", "q")

    async def first() -> tuple[str, bool] | None:
        def work(read: Read) -> tuple[ReadyClass, bool] | None:
            return records.first(read, key, above=-1)

        found = await server.store.read(work)
        return None if found is None else (found[0].name, found[1])

    for name, expected in (("b", ("b", True)), ("a", ("a", False))):
        await server.start(name, fairness_key=name)
        await server.complete(await server.task(), commands.activity(), commands.activity())
        assert await first() == expected
