"""Units that are prepared in slices: as atomic as others, and with others between the slices."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.server.notices import DueAt, Notice
from durable_workflow.server.slices import Slices
from durable_workflow.server.store import ConstraintViolated, StatementMisused, StoreUnavailable
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.store.sqlite import SqliteStore, _preparing
from durable_workflow.server.store.statements import load_statements, parse_statements

Open = Callable[..., SqliteStore]


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each slice goes to the next pause: then the tests say where the others have their turn."""
    monkeypatch.setattr(_preparing, "time", _Ticking())


class _Ticking:
    """A clock on which every look takes a millisecond and a half."""

    def __init__(self) -> None:
        self._ticks = iter_ticks()

    def perf_counter(self) -> float:
        return next(self._ticks)


def iter_ticks() -> Iterator[float]:
    tick = 0.0
    while True:
        tick += 0.0015
        yield tick


def boxes(count: int, attempts: list[int] | None = None) -> Callable[[Tx], Slices[int]]:
    """A unit that reads box `first` and puts boxes with its content, one at a time."""

    def work(tx: Tx) -> Slices[int]:
        if attempts is not None:
            attempts.append(1)
        row = tx.one("find_box", name="first")
        content = 0 if row is None else row[0]
        for number in range(count):
            tx.do("put_box", name=f"box-{number:04}", content=content, data=None)
            yield
        tx.notify(DueAt(7))
        tx.say(logging.WARNING, "put %d boxes", count)
        return content

    return work


async def names(store: SqliteStore) -> list[str]:
    return [name for (name,) in await store.read(lambda read: read.all("list_boxes"))]


async def fill(store: SqliteStore, amount: int = 1) -> None:
    await store.run(lambda tx: tx.do("fill_box", name="first", amount=amount))


@pytest.fixture
async def store(open_file: Open) -> SqliteStore:
    store = open_file()
    await store.run(lambda tx: tx.do("put_box", name="first", content=5, data=None))
    return store


async def test_what_it_remembers_holds_when_it_is_written(store: SqliteStore) -> None:
    def work(tx: Tx) -> Slices[Any]:
        tx.remember(("box", "first"), 1)
        yield
        return tx.recall(("box", "first"))

    assert await store.run_in_slices(work) is None
    assert await store.run(lambda tx: tx.recall(("box", "first"))) == 1


async def test_others_are_served_between_slices_and_see_nothing_of_it(
    store: SqliteStore, notices: list[Notice], caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[int] = []
    running = asyncio.create_task(store.run_in_slices(boxes(50, attempts)))
    seen: list[list[str]] = []
    while len(seen) < 10:
        await asyncio.sleep(0)
        seen.append(await names(store))
    await store.run(lambda tx: tx.do("put_box", name="other", content=0, data=None))

    assert await running == 5
    assert attempts == [1]
    assert seen == [["first"]] * 10
    assert len(await names(store)) == 52
    assert notices == [DueAt(7)]
    assert caplog.messages == ["put 50 boxes"]


async def test_what_it_has_read_is_read_again_where_it_has_changed(
    store: SqliteStore, notices: list[Notice]
) -> None:
    attempts: list[int] = []
    running = asyncio.create_task(store.run_in_slices(boxes(50, attempts)))
    await asyncio.sleep(0)
    await fill(store)

    assert await running == 6
    assert attempts == [1, 1]
    rows = await store.read(lambda read: read.one("find_box", name="box-0049"))
    assert rows == (6, None)
    assert notices == [DueAt(7)]


async def test_where_it_changes_each_time_the_unit_is_run_whole(store: SqliteStore) -> None:
    attempts: list[int] = []
    running = asyncio.create_task(store.run_in_slices(boxes(50, attempts)))
    filled = 0
    while not running.done():
        await fill(store)
        filled += 1

    content = await running
    assert attempts == [1] * 4
    assert 5 < content <= 5 + filled
    assert len(await names(store)) == 51


async def test_a_caller_that_goes_away_leaves_nothing(
    store: SqliteStore, notices: list[Notice]
) -> None:
    running = asyncio.create_task(store.run_in_slices(boxes(50)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await names(store) == ["first"]
    assert notices == []
    assert await store.run_in_slices(boxes(3)) == 5  # the next one has its turn


async def test_an_error_of_the_unit_is_raised_and_nothing_is_changed(
    store: SqliteStore, notices: list[Notice]
) -> None:
    def work(tx: Tx) -> Slices[None]:
        yield from boxes(20)(tx)
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        await store.run_in_slices(work)

    assert await names(store) == ["first"]
    assert notices == []


async def test_an_error_that_rests_on_what_has_changed_does_not_count(store: SqliteStore) -> None:
    def work(tx: Tx) -> Slices[str]:
        row = tx.one("find_box", name="first")
        for _ in range(10):
            yield
        if row == (5, None):
            raise LookupError("seen too early")
        return "went well"

    running = asyncio.create_task(store.run_in_slices(work))
    await asyncio.sleep(0)
    await fill(store)
    assert await running == "went well"


async def test_a_unit_that_reads_what_it_has_written_is_run_whole(store: SqliteStore) -> None:
    def work(tx: Tx) -> Slices[Any]:
        tx.do("fill_box", name="first", amount=2)
        yield
        return tx.one("find_box", name="first")

    assert await store.run_in_slices(work) == (7, None)


async def test_new_rows_are_found_by_their_key_while_it_is_prepared(
    open_sqlite: Open, tmp_path: Path
) -> None:
    store = open_sqlite(str(tmp_path / "state.db"))
    await store.run(lambda tx: put_string(tx, "there"))
    attempts: list[list[str | None]] = []

    def work(tx: Tx) -> Slices[None]:
        found: list[str | None] = []
        attempts.append(found)
        for run_id in ("new", "there", "new", "absent"):
            found.append(string_of(tx, run_id))
            if found[-1] is None:
                put_string(tx, run_id)
            yield
        while not others.done():
            yield

    async def put_the_last() -> None:
        while not attempts or len(attempts[0]) < 4:  # noqa: ASYNC110  nobody tells of it
            await asyncio.sleep(0)
        await store.run(lambda tx: put_string(tx, "absent"))

    others = asyncio.create_task(put_the_last())
    async with asyncio.timeout(20):
        await asyncio.gather(store.run_in_slices(work), others)

    # Somebody else has put the last one: what was read of it before does not hold.
    assert attempts == [[None, "there", "new", None], [None, "there", "new", "absent"]]
    assert await store.read(lambda read: string_of(read, "new")) == "new"


async def test_new_rows_of_a_table_that_it_changes_otherwise_are_not_found_before_it_is_run(
    open_sqlite: Open, tmp_path: Path
) -> None:
    attempts: list[int] = []

    def work(tx: Tx) -> Slices[str | None]:
        attempts.append(1)
        put_string(tx, "new")
        tx.do("cut_string", run_id="new", string=b"cut")
        yield
        return string_of(tx, "new")

    statements = load_statements("sqlite")
    [cut_string] = parse_statements(
        "-- cut_string: it is another one.\n"
        "UPDATE large_strings SET string = :string WHERE run_id = :run_id;",
        "test.sql",
    )
    store = open_sqlite(
        str(tmp_path / "other.db"), statements={**statements, "cut_string": cut_string}
    )
    assert await store.run_in_slices(work) == "cut"
    assert attempts == [1, 1]


def put_string(tx: Tx, run_id: str) -> None:
    tx.do("insert_large_string", run_id=run_id, digest=b"d", string=run_id.encode())


def string_of(read: Read, run_id: str) -> str | None:
    row = read.one("large_string", run_id=run_id, digest=b"d")
    return None if row is None else row[0].decode()


async def test_a_unit_that_takes_rows_is_run_whole(store: SqliteStore) -> None:
    def work(tx: Tx) -> Slices[Any]:
        yield
        return tx.take("take_boxes", most=1)

    assert await store.run_in_slices(work) == [("first",)]


async def test_a_row_that_somebody_else_has_put_is_a_conflict_as_ever(store: SqliteStore) -> None:
    running = asyncio.create_task(store.run_in_slices(boxes(20)))
    await asyncio.sleep(0)
    await store.run(lambda tx: tx.do("put_box", name="box-0003", content=0, data=None))
    with pytest.raises(ConstraintViolated):
        await running
    assert await names(store) == ["box-0003", "first"]


async def test_writes_keep_their_order_where_they_concern_one_table(store: SqliteStore) -> None:
    def work(tx: Tx) -> Slices[None]:
        tx.do("fill_box", name="first", amount=1)
        tx.do("put_box", name="second", content=1, data=None)
        tx.do("fill_box", name="second", amount=5)
        tx.do_many("label_box", [("second", "a"), ("first", "b")])
        yield

    await store.run_in_slices(work)
    assert await store.read(lambda read: read.one("find_box", name="second")) == (6, None)


async def test_misused_statements_are_named(store: SqliteStore) -> None:
    def wrong(tx: Tx) -> Slices[None]:
        yield
        tx.do("fill_box", name="first")

    def unknown(tx: Tx) -> Slices[None]:
        yield
        tx.one("no_such_statement")

    with pytest.raises(StatementMisused, match="fill_box"):
        await store.run_in_slices(wrong)
    with pytest.raises(StatementMisused, match="no_such_statement"):
        await store.run_in_slices(unknown)


async def test_a_store_that_closes_meanwhile_has_nothing_of_it(
    open_file: Open, box_sources: tuple[str, str], tmp_path: Any
) -> None:
    store = open_file()
    running = asyncio.create_task(store.run_in_slices(boxes(50)))
    await asyncio.sleep(0)
    await store.close()
    with pytest.raises(StoreUnavailable):
        await running
    with closing(sqlite3.connect(tmp_path / "boxes.db")) as connection:
        assert connection.execute("SELECT count(*) FROM boxes").fetchall() == [(0,)]


async def test_large_units_take_turns(store: SqliteStore) -> None:
    """Two at a time would hold up others twice as long."""
    began: list[str] = []

    def work(name: str) -> Callable[[Tx], Slices[None]]:
        def run(tx: Tx) -> Slices[None]:
            for _ in range(5):
                began.append(name)
                yield

        return run

    await asyncio.gather(store.run_in_slices(work("a")), store.run_in_slices(work("b")))
    assert began == ["a"] * 5 + ["b"] * 5


def test_a_slice_ends_within_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_preparing, "time", time)
    turns = 0

    def endless(tx: Tx) -> Slices[None]:
        nonlocal turns
        while True:
            turns += 1
            yield

    tx: Any = _preparing.PreparedTx.__new__(_preparing.PreparedTx)
    preparation = _preparing.Preparation(endless, tx)
    read: Any = None
    longest = 0
    while longest <= 1:  # a slice in which the machine holds it up may have one turn only
        before, began = turns, time.thread_time()
        assert preparation._run_slice(read)  # pyright: ignore[reportPrivateUsage]
        assert time.thread_time() - began < 0.05
        longest = max(longest, turns - before)
