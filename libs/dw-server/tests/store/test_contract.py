"""What every store promises, tested through the Protocol alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.notices import DueAt, Notice
from durable_workflow.server.store import (
    ConstraintViolated,
    Read,
    StatementMisused,
    Store,
    StoreOverloaded,
    StoreUnavailable,
    Tx,
)


def put(name: str, content: int = 0, data: bytes | None = None) -> Callable[[Tx], int]:
    return lambda tx: tx.do("put_box", name=name, content=content, data=data)


def find(name: str) -> Callable[[Read], Any]:
    return lambda read: read.one("find_box", name=name)


def names(read: Read) -> list[str]:
    return [name for (name,) in read.all("list_boxes")]


class OnPurpose(Exception):
    pass


async def test_a_unit_is_there_once_it_is_answered(box_store: Store) -> None:
    assert await box_store.run(put("a", 7, b"\x00x")) == 1

    assert await box_store.read(find("a")) == (7, b"\x00x")
    assert await box_store.read(find("b")) is None


async def test_a_unit_sees_its_own_changes_and_those_before(box_store: Store) -> None:
    await box_store.run(put("a", 1))

    def work(tx: Tx) -> Any:
        assert tx.do("fill_box", name="a", amount=2) == 1
        assert tx.do("fill_box", name="z", amount=2) == 0
        return tx.one("find_box", name="a")

    assert await box_store.run(work) == (3, None)


async def test_a_unit_that_raises_changes_nothing_and_raises_in_its_caller(
    box_store: Store, notices: list[Notice]
) -> None:
    def work(tx: Tx) -> None:
        put("a")(tx)
        tx.notify(DueAt(1))
        raise OnPurpose

    with pytest.raises(OnPurpose):
        await box_store.run(work)

    assert await box_store.read(names) == []
    assert notices == []


async def test_a_unit_that_raises_leaves_its_neighbours_alone(box_store: Store) -> None:
    def fail(tx: Tx) -> None:
        put("bad")(tx)
        raise OnPurpose

    results = await asyncio.gather(
        box_store.run(put("a")),
        box_store.run(fail),
        box_store.run(put("b")),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [int, OnPurpose, int]
    assert await box_store.read(names) == ["a", "b"]


async def test_units_run_one_after_the_other(box_store: Store) -> None:
    await box_store.run(put("a"))

    def work(tx: Tx) -> int:
        row = tx.one("find_box", name="a")
        assert row is not None
        tx.do("fill_box", name="a", amount=1)
        return int(row[0])

    seen = await asyncio.gather(*[box_store.run(work) for _ in range(40)])

    assert sorted(seen) == list(range(40))


async def test_a_broken_rule_of_the_schema_is_said_and_can_be_survived(box_store: Store) -> None:
    await box_store.run(put("a"))
    with pytest.raises(ConstraintViolated):
        await box_store.run(put("a"))
    with pytest.raises(ConstraintViolated):
        await box_store.run(lambda tx: tx.do("label_box", box="nowhere", text="t"))

    def work(tx: Tx) -> None:
        with pytest.raises(ConstraintViolated):
            put("a")(tx)
        put("b")(tx)

    await box_store.run(work)
    assert await box_store.read(names) == ["a", "b"]


async def test_many_rows_at_once(box_store: Store) -> None:
    rows = [{"name": f"{number:03}", "content": number, "data": None} for number in range(100)]

    await box_store.run(lambda tx: tx.do_many("put_box", rows))
    await box_store.run(lambda tx: tx.do_many("put_box", []))

    assert len(await box_store.read(names)) == 100


@pytest.mark.parametrize(
    ("statement", "params"),
    [
        ("nothing_of_that_name", {}),
        ("find_box", {}),
        ("find_box", {"name": "a", "nmae": "a"}),
        ("broken", {}),
    ],
)
async def test_a_wrong_statement_is_our_mistake(
    box_store: Store, statement: str, params: dict[str, Any]
) -> None:
    with pytest.raises(StatementMisused):
        await box_store.run(lambda tx: tx.one(statement, **params))
    with pytest.raises(StatementMisused):
        await box_store.read(lambda read: read.all(statement, **params))
    with pytest.raises(StatementMisused):
        await box_store.run(lambda tx: tx.do_many("put_box", [{"name": "a"}]))


async def test_a_read_changes_nothing(box_store: Store) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await box_store.read(lambda read: read.one("put_box", name="a", content=1, data=None))

    await box_store.run(put("b"))
    assert await box_store.read(names) == ["b"]


async def test_a_read_that_raises_leaves_the_store_usable(box_store: Store) -> None:
    def work(read: Read) -> None:
        names(read)
        raise OnPurpose

    with pytest.raises(OnPurpose):
        await box_store.read(work)

    await box_store.run(put("a"))
    assert await box_store.read(names) == ["a"]


async def test_notices_are_published_after_the_commit_in_order(
    box_store: Store, notices: list[Notice]
) -> None:
    def work(number: int) -> Callable[[Tx], None]:
        return lambda tx: tx.notify(DueAt(number))

    await asyncio.gather(*[box_store.run(work(number)) for number in range(5)])

    assert notices == [DueAt(number) for number in range(5)]


async def test_time_and_ids_are_those_injected(box_store: Store, clock: ManualClock) -> None:
    first = await box_store.run(lambda tx: (tx.now, tx.new_id(), tx.new_id()))
    clock.advance(1)
    second = await box_store.run(lambda tx: (tx.now, tx.new_id()))

    assert second[0] - first[0] == 1_000_000
    assert first[1] < first[2] < second[1]
    assert await box_store.read(lambda read: read.now) == clock.now()


async def test_a_unit_whose_caller_left_before_it_began_does_not_run(box_store: Store) -> None:
    task = asyncio.ensure_future(box_store.run(put("a")))
    await asyncio.sleep(0)
    task.cancel()
    await box_store.run(put("b"))

    assert task.cancelled()
    assert await box_store.read(names) == ["b"]


async def test_beyond_the_bound_units_are_refused_and_the_others_done(box_store: Store) -> None:
    results = await asyncio.gather(
        *[box_store.run(put(f"{number:03}")) for number in range(60)], return_exceptions=True
    )

    refused = [result for result in results if isinstance(result, StoreOverloaded)]
    assert len(refused) == 10
    assert len(await box_store.read(names)) == 50


async def test_closing_finishes_what_was_accepted_and_takes_nothing_more(box_store: Store) -> None:
    accepted = [asyncio.ensure_future(box_store.run(put(f"{number}"))) for number in range(5)]
    await asyncio.sleep(0)
    await box_store.close()

    assert [task.result() for task in accepted] == [1] * 5
    with pytest.raises(StoreUnavailable):
        await box_store.run(put("late"))
    with pytest.raises(StoreUnavailable):
        await box_store.read(names)
    assert not (await box_store.check()).available
    await box_store.close()


async def test_the_condition_of_a_good_store(box_store: Store) -> None:
    await box_store.run(put("a"))
    condition = await box_store.check()

    assert condition.available
    assert condition.message is None
    assert condition.missing_migrations == []
