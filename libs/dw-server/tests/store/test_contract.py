"""What every store promises, tested through the Protocol alone, in each of its modes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.notices import DueAt, Notice
from durable_workflow.server.store import (
    Conflict,
    ConstraintViolated,
    Key,
    Read,
    StatementMisused,
    Store,
    StoreOverloaded,
    StoreUnavailable,
    Tx,
)


def put(name: str, content: int = 0, data: bytes | None = None) -> Callable[[Tx], None]:
    return lambda tx: tx.do("put_box", name=name, content=content, data=data)


def find(name: str) -> Callable[[Read], Any]:
    return lambda read: read.one("find_box", name=name)


def names(read: Read) -> list[str]:
    return [name for (name,) in read.all("list_boxes")]


class OnPurpose(Exception):
    pass


async def test_a_unit_is_there_once_it_is_answered(box_store: Store) -> None:
    await box_store.run(put("a", 7, b"\x00x"))

    assert await box_store.read(find("a")) == (7, b"\x00x")
    assert await box_store.read(find("b")) is None


async def test_a_unit_sees_its_own_changes_and_those_before(box_store: Store) -> None:
    await box_store.run(put("a", 1))

    def work(tx: Tx) -> Any:
        tx.do("fill_box", name="a", amount=2)
        tx.do("fill_box", name="z", amount=2)
        return tx.one("find_box", name="a")

    assert await box_store.run(work) == (3, None)


async def test_a_unit_that_raises_changes_nothing_and_raises_in_its_caller(
    box_store: Store, notices: list[Notice], caplog: pytest.LogCaptureFixture
) -> None:
    def work(tx: Tx) -> None:
        put("a")(tx)
        tx.notify(DueAt(1))
        tx.say(logging.WARNING, "never")
        raise OnPurpose

    with pytest.raises(OnPurpose):
        await box_store.run(work)

    assert await box_store.read(names) == []
    assert notices == []
    assert caplog.messages == []


async def test_what_a_unit_remembers_is_recalled_by_it_and_at_most_by_those_behind_it(
    box_store: Store,
) -> None:
    def work(tx: Tx) -> Any:
        tx.remember(("box", "a"), 1)
        return tx.recall(("box", "a")), tx.recall(("box", "b"))

    def failing(tx: Tx) -> None:
        tx.remember(("box", "a"), 2)
        raise OnPurpose

    assert await box_store.run(work) == (1, None)
    with pytest.raises(OnPurpose):
        await box_store.run(failing)
    # A store that has forgotten it keeps its promise too.
    assert await box_store.run(lambda tx: tx.recall(("box", "a"))) in (1, None)
    assert await box_store.read(lambda read: read.recall(("box", "a"))) in (1, None)
    await box_store.run(lambda tx: tx.remember(("box", "a"), None))
    assert await box_store.run(lambda tx: tx.recall(("box", "a"))) is None


async def test_a_change_that_returns_rows_is_taken_back_with_its_unit(box_store: Store) -> None:
    await box_store.run(put("a"))

    def empty(tx: Tx) -> None:
        assert tx.all("empty_boxes") == [("a",)]
        raise OnPurpose

    with pytest.raises(OnPurpose):
        await box_store.run(empty)

    assert await box_store.read(names) == ["a"]


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize("fail", [{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 3}, {0, 1, 2, 3}])
async def test_units_that_raise_leave_their_neighbours_alone(
    box_store: Store, fail: set[int], writes: bool
) -> None:
    """Also where one that only read was before them, and whether they have written or not."""

    def unit(number: int) -> Callable[[Tx], list[str]]:
        def work(tx: Tx) -> list[str]:
            put(f"{number}")(tx)
            found = names(tx) if writes or number not in fail else []
            if number in fail:
                raise OnPurpose
            return found

        return work

    await box_store.run(put("before"))
    results = await asyncio.gather(
        box_store.run(names),
        *[box_store.run(unit(number)) for number in range(4)],
        return_exceptions=True,
    )

    left = ["before"]
    for number, result in enumerate(results[1:]):
        left = left if number in fail else sorted([*left, f"{number}"])
        assert isinstance(result, OnPurpose) if number in fail else result == left
    assert results[0] == ["before"]
    assert await box_store.read(names) == left


async def test_units_that_lock_what_they_read_run_as_if_one_after_the_other(
    box_store: Store,
) -> None:
    await box_store.run(put("a"))

    def by_key(tx: Tx) -> int:
        tx.lock(Key.run("a"))
        row = tx.one("find_box", name="a")
        return fill(tx, row)

    def by_statement(tx: Tx) -> int:
        return fill(tx, tx.one("lock_box", name="a"))

    def fill(tx: Tx, row: Any) -> int:
        assert row is not None
        tx.do("fill_box", name="a", amount=1)
        return int(row[0])

    for work in (by_key, by_statement):
        seen = await asyncio.gather(*[box_store.run(work) for _ in range(20)])
        assert len(set(seen)) == 20
    assert await box_store.read(find("a")) == (40, None)


async def test_keys_may_be_locked_in_any_order_and_before_the_unit_begins(box_store: Store) -> None:
    names_of = [Key.workflow("default", "wf"), Key.run("r2"), Key.run("r1"), Key.worker("d", "w")]

    def work(tx: Tx) -> int:
        for key in [*names_of, *names_of]:
            tx.lock(key)
        return len(tx.all("list_boxes"))

    await asyncio.gather(box_store.run(work), box_store.run(work, keys=names_of))
    await box_store.run(lambda tx: None, keys=names_of)


def test_keys_have_one_order() -> None:
    keys = [Key.run("b"), Key.workflow("d", "w"), Key.run("a"), Key.worker("d", "z")]
    ordered = sorted(keys, key=lambda key: key.place)
    assert [key.kind for key in ordered] == ["worker", "workflow", "run", "run"]
    assert ordered[2:] == [Key.run("a"), Key.run("b")]
    assert Key.workflow("a", "b:c") != Key.workflow("a:b", "c")


async def test_rows_are_taken_as_many_as_are_asked_for(box_store: Store) -> None:
    for name, content in (("a", 1), ("b", 3), ("c", 2)):
        await box_store.run(put(name, content))

    taken = await box_store.run(lambda tx: tx.take("take_boxes", most=2))
    assert taken == [("b",), ("c",)]
    with pytest.raises(StatementMisused):
        await box_store.run(lambda tx: tx.all("take_boxes", most=2))
    with pytest.raises(StatementMisused):
        await box_store.run(lambda tx: tx.take("list_boxes", most=2))
    # A read takes nothing, so it may look.
    assert await box_store.read(lambda read: read.all("take_boxes", most=9)) == [
        ("b",),
        ("c",),
        ("a",),
    ]


async def test_a_unit_that_meets_a_conflict_is_run_again_and_only_its_last_attempt_counts(
    box_store: Store,
    clock: ManualClock,
    notices: list[Notice],
    caplog: pytest.LogCaptureFixture,
) -> None:
    moments: list[int] = []

    def work(tx: Tx) -> list[str]:
        moments.append(tx.now)
        attempt = len(moments)
        put(f"attempt {attempt}")(tx)
        tx.notify(DueAt(attempt))
        tx.say(logging.WARNING, "attempt %d", attempt)
        clock.advance(1)
        if attempt < 3:
            raise Conflict("somebody else was quicker")
        return names(tx)

    found = await box_store.run(work)

    last = len(moments)
    assert last >= 3
    assert moments == sorted(set(moments)), "each attempt has its own time"
    assert found == await box_store.read(names) == [f"attempt {last}"]
    assert notices == [DueAt(last)]
    assert caplog.messages == [f"attempt {last}"]


async def test_a_unit_that_never_gets_through_is_given_up(box_store: Store) -> None:
    def work(tx: Tx) -> None:
        put("a")(tx)
        raise Conflict("each time")

    with pytest.raises(StoreUnavailable):
        await box_store.run(work)
    await box_store.run(put("b"))
    assert await box_store.read(names) == ["b"]


async def test_what_is_not_unique_is_a_conflict_and_the_second_time_an_error(
    box_store: Store,
) -> None:
    await box_store.run(put("a"))
    attempts = 0

    def finds_it_then(tx: Tx) -> str:
        nonlocal attempts
        attempts += 1
        # As if the row had been written by another unit behind the select.
        if attempts > 1 and find("a")(tx) is not None:
            return "there already"
        put("a")(tx)
        return "new"

    assert await box_store.run(finds_it_then) == "there already"

    attempts = 0

    def always(tx: Tx) -> None:
        nonlocal attempts
        attempts += 1
        put("a")(tx)

    with pytest.raises(ConstraintViolated):
        await box_store.run(always)
    assert attempts > 1


async def test_a_broken_rule_of_the_schema_is_said_and_ends_its_unit(box_store: Store) -> None:
    def work(tx: Tx) -> None:
        put("a")(tx)
        with contextlib.suppress(ConstraintViolated):
            tx.do("label_box", box="nowhere", text="t")

    # Whether the unit saw the error or the end did, none goes on after it.
    with pytest.raises(ConstraintViolated):
        await box_store.run(work)
    await box_store.run(put("b"))
    assert await box_store.read(names) == ["b"]


async def test_what_a_unit_says_is_logged_once_it_is_committed(
    box_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def work(tx: Tx) -> int:
        tx.say(logging.WARNING, "box %s has %d", "a", 7)
        return len(caplog.records)

    assert await box_store.run(work) == 0
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "box a has 7")
    ]
    assert caplog.records[0].name == "durable_workflow.server"


async def test_many_rows_at_once(box_store: Store) -> None:
    rows = [(f"{number:03}", number, None) for number in range(100)]

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
        await box_store.run(lambda tx: tx.do_many("put_box", [("a",)]))


async def test_a_read_changes_nothing(box_store: Store) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await box_store.read(lambda read: read.one("put_box", name="a", content=1, data=None))

    await box_store.run(put("b"))
    assert await box_store.read(names) == ["b"]


async def test_what_is_read_apart_is_acknowledged_and_only_read(box_store: Store) -> None:
    await box_store.run(put("a"))

    assert await box_store.read_apart(names) == ["a"]
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await box_store.read_apart(lambda read: read.one("put_box", name="a", content=1, data=None))
    await box_store.run(put("b"))
    assert await box_store.read_apart(names) == ["a", "b"]


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

    assert [task.result() for task in accepted] == [None] * 5
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
