"""The first unit of a transaction is taken back with all of it, a later one by its savepoint."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Callable, Sequence
from typing import Any

import apsw
import pytest

from durable_workflow.server.notices import DueAt, Notice
from durable_workflow.server.store import (
    Conflict,
    ConstraintViolated,
    StatementMisused,
    StoreUnavailable,
    Tx,
)
from durable_workflow.server.store.schema import Migration
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.sqlite._transaction import SqliteTx
from durable_workflow.server.store.sqlite._units import UnitRunner
from durable_workflow.server.store.statements import Statement, parse_statements

Open = Callable[..., SqliteStore]
Work = Callable[[Tx], Any]


class OnPurpose(Exception):
    pass


@pytest.fixture(params=["memory", "file"])
def open_boxes(
    request: pytest.FixtureRequest,
    open_sqlite: Open,
    open_file: Open,
    box_statements: dict[str, Statement],
    box_migrations: list[Migration],
) -> Open:
    if request.param == "file":
        return open_file
    kinds: dict[str, Any] = {"statements": box_statements, "migrations": box_migrations}
    return functools.partial(open_sqlite, **kinds)


def put(name: str) -> Work:
    return lambda tx: tx.do("put_box", name=name, content=1, data=None)


def put_and_fail(name: str) -> Work:
    """Its rows are written when it reads their table."""

    def work(tx: Tx) -> None:
        tx.do("put_box", name=name, content=1, data=None)
        assert tx.one("find_box", name=name) == (1, None)
        raise OnPurpose

    return work


def put_twice(name: str) -> Work:
    """It is run once more, and breaks the rule again."""

    def work(tx: Tx) -> None:
        for _ in range(2):
            tx.do("put_box", name=name, content=1, data=None)

    return work


async def names(store: SqliteStore) -> list[str]:
    return [name for (name,) in await store.read(lambda read: read.all("list_boxes"))]


async def together(store: SqliteStore, *works: Work) -> list[Any]:
    return await asyncio.gather(*map(store.run, works), return_exceptions=True)


def statements_of(store: SqliteStore) -> list[str]:
    """What the writer is given from here on, without the names of tables and values."""
    given: list[str] = []

    def note(_: Any, text: str, __: Any) -> bool:
        given.append(" ".join(text.split()[:2]) if text.startswith("ROLLBACK") else text.split()[0])
        return True

    writer: Any = store._database.writer  # pyright: ignore[reportPrivateUsage]
    writer.exec_trace = note
    return given


async def test_only_units_behind_the_first_have_savepoints(open_boxes: Open) -> None:
    store = open_boxes()
    given = statements_of(store)

    await store.run(put("alone"))
    assert given == ["BEGIN", "INSERT", "COMMIT"]
    given.clear()
    assert await together(store, put("a"), put("b")) == [None] * 2
    assert given == ["BEGIN", "INSERT", "SAVEPOINT", "INSERT", "RELEASE", "COMMIT"]
    given.clear()
    # The next transaction has a first unit again.
    await store.run(put("c"))
    assert given == ["BEGIN", "INSERT", "COMMIT"]


async def test_a_first_unit_that_fails_leaves_nothing_and_the_next_one_is_first(
    open_boxes: Open,
) -> None:
    store = open_boxes()
    await store.run(put("before"))
    given = statements_of(store)

    results = await together(store, put_and_fail("a"), put_and_fail("b"), put("c"), put("d"))
    again = ["INSERT", "SELECT", "ROLLBACK", "BEGIN"]
    assert given == ["BEGIN", *again, *again, "INSERT", "SAVEPOINT", "INSERT", "RELEASE", "COMMIT"]
    assert [type(result) for result in results] == [OnPurpose, OnPurpose, type(None), type(None)]
    assert await names(store) == ["before", "c", "d"]


async def test_a_later_unit_that_fails_leaves_the_first(open_boxes: Open) -> None:
    store = open_boxes()
    given = statements_of(store)

    results = await together(store, put("a"), put_and_fail("b"), put("c"))
    assert given.count("ROLLBACK TO") == 1
    assert "ROLLBACK" not in given
    assert [type(result) for result in results] == [type(None), OnPurpose, type(None)]
    assert await names(store) == ["a", "c"]


async def test_a_first_unit_that_meets_a_conflict_runs_again_without_what_it_wrote(
    open_boxes: Open,
) -> None:
    store = open_boxes()
    found: list[Any] = []

    def once_more(tx: Tx) -> None:
        found.append(tx.all("list_boxes"))
        tx.do("put_box", name=f"{len(found)}", content=1, data=None)
        tx.all("list_boxes")
        if len(found) < 3:
            raise Conflict("another has it")

    results = await together(store, once_more, put_twice("twice"), put("after"))
    assert [type(result) for result in results] == [type(None), ConstraintViolated, type(None)]
    assert found == [[], [], []]
    assert await names(store) == ["3", "after"]

    [refused, done] = await together(store, put_twice("twice"), put("last"))
    assert isinstance(refused, ConstraintViolated)
    assert done is None
    assert await names(store) == ["3", "after", "last"]


async def test_a_first_unit_of_which_placement_fails_stands_without_it(
    open_boxes: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Placing:
        def wants(self, notices: Sequence[Notice], /) -> bool:
            return bool(notices)

        def place(self, tx: Tx, notices: Sequence[Notice], /) -> Sequence[Notice]:
            tx.do("put_box", name="placed", content=1, data=None)
            tx.all("list_boxes")
            raise OnPurpose

        def revoke(self, notices: Sequence[Notice], /) -> None:
            pass

    def put_and_tell(tx: Tx) -> None:
        put("told")(tx)
        tx.notify(DueAt(1))

    store = open_boxes()
    units: Any = store._units  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(units, "_placement", Placing())

    assert await together(store, put_and_tell, put("after")) == [None] * 2
    assert await names(store) == ["after", "told"]


async def test_what_the_first_unit_keeps_aside_outlives_a_later_one_that_fails(
    open_file: Open,
) -> None:
    def keep(tx: Tx) -> None:
        assert isinstance(tx, SqliteTx)
        tx.do_aside("CREATE TEMP TABLE aside (number)")
        assert tx.put_aside("INSERT INTO temp.aside VALUES (?)", [(1,), (2,)]) == 2

    store = open_file()
    kept, failed = await together(store, keep, put_and_fail("a"))

    assert kept is None
    assert isinstance(failed, OnPurpose)
    assert await store.run(lambda tx: _count_aside(tx)) == [(2,)]


def _count_aside(tx: Tx) -> list[Any]:
    assert isinstance(tx, SqliteTx)
    return tx.select("SELECT count(*) FROM temp.aside", {})


async def test_a_batch_whose_transaction_cannot_begin_again_is_refused_as_one(
    open_boxes: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, begun = UnitRunner.begin, iter(range(10))

    def failing(self: UnitRunner) -> None:
        if next(begun) == 1:
            raise apsw.IOError("broken")
        begin(self)

    store = open_boxes()
    await store.run(put("before"))
    monkeypatch.setattr(UnitRunner, "begin", failing)
    results = await together(store, put_and_fail("a"), put("b"))

    # The second had not begun: it has a batch of its own.
    assert [type(result) for result in results] == [StoreUnavailable, type(None)]
    assert await names(store) == ["b", "before"]


async def test_a_first_unit_that_lets_the_end_of_its_transaction_pass_fails_its_batch(
    open_file: Open,
) -> None:
    def pass_over(tx: Tx) -> None:
        assert isinstance(tx, SqliteTx)
        put("a")(tx)
        tx.all("list_boxes")
        tx.do_aside("ROLLBACK")  # as SQLite does by itself where a disk is full
        put("b")(tx)
        tx.all("list_boxes")

    store = open_file()
    results = await together(store, pass_over, put("c"))

    # What came behind it is in a batch of its own, and not outside of any transaction.
    assert [type(result) for result in results] == [StoreUnavailable, type(None)]


UNFINISHED = """-- read_bad_text: The second row cannot be read.
SELECT CASE WHEN name = 'b' THEN CAST(x'ff' AS TEXT) ELSE name END FROM boxes ORDER BY name;

-- drop_box: Its row is left where it is run for the change alone.
DELETE FROM boxes WHERE name = :name RETURNING name;
"""


def read_bad_text(tx: Tx) -> None:
    tx.all("read_bad_text")


def drop(tx: Tx) -> None:
    tx.do("drop_box", name="a")


@pytest.mark.parametrize(("work", "ends"), [(read_bad_text, UnicodeDecodeError), (drop, None)])
@pytest.mark.parametrize("through_the_thread", [False, True])
async def test_a_statement_that_was_not_run_to_its_end_keeps_nobody_from_committing_or_closing(
    open_file: Open,
    box_statements: dict[str, Statement],
    work: Work,
    ends: type[Exception] | None,
    through_the_thread: bool,
) -> None:
    more = {each.name: each for each in parse_statements(UNFINISHED, "unfinished.sql")}
    store = open_file(statements={**box_statements, **more})
    await together(store, put("a"), put("b"), put("c"))
    pace = store._pace  # pyright: ignore[reportPrivateUsage]
    pace._average = 1.0 if through_the_thread else 0.0  # pyright: ignore[reportPrivateUsage]

    [ended] = await together(store, work)
    assert isinstance(ended, ends or type(None))
    assert ("a" in await names(store)) == (ends is not None)
    await store.close()


async def test_units_leave_nothing_for_the_collector_of_cycles(open_boxes: Open) -> None:
    store = open_boxes()
    await store.run(put("first"))
    gc.collect()
    gc.disable()
    try:
        for number in range(10):
            await store.run(put(f"box {number}"))
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = [each for each in gc.garbage if isinstance(each, SqliteTx)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []


async def test_a_unit_that_has_ended_changes_nothing(open_boxes: Open) -> None:
    store = open_boxes()
    kept: list[Tx] = []
    await store.run(kept.append)

    with pytest.raises(StatementMisused, match="has ended"):
        kept[0].do("empty_boxes")
