"""Rows that are handed to SQLite before the transaction of the long unit that puts them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from durable_workflow.server.slices import Slices
from durable_workflow.server.store import ConstraintViolated, StatementMisused, StoreUnavailable
from durable_workflow.server.store.protocol import Row, Tx, Value
from durable_workflow.server.store.sqlite import SqliteStore, _preparing
from durable_workflow.server.store.sqlite._shapes import insert_from, is_insert
from durable_workflow.server.store.sqlite._staging import Stage
from durable_workflow.server.store.sqlite._transaction import SqliteTx
from durable_workflow.server.store.statements import load_statements, parse_statements

Open = Callable[..., SqliteStore]
Units = list[tuple[str, int]]
_ROWS = 11
# A long name, nothing, and what SQLite keeps in other ways than text.
_DATA: list[Value] = [None, "text", b"\x00bytes", 7, 2**62, 0.5, True, "", b"", "ä" * 3000, -1]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_preparing, "_PIECE", 4)


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were staged in each unit that did."""
    counts: list[int] = []
    put = Stage.put

    def noted(self: Stage, tx: SqliteTx, way: Any, rows: Any) -> Any:
        counts.append(len(rows))
        return put(self, tx, way, rows)

    monkeypatch.setattr(Stage, "put", noted)
    return counts


def boxes(tx: Tx) -> Slices[Any]:
    found = tx.one("find_box", name="first")
    rows: list[Row] = [(f"box-{at:02}", at, data) for at, data in enumerate(_DATA)]
    tx.do_many("put_box", rows)
    yield
    tx.do("fill_box", name="box-03", amount=100)
    yield
    return found


async def contents(store: SqliteStore) -> list[Any]:
    names = [name for (name,) in await store.read(lambda read: read.all("list_boxes"))]
    return await store.read(lambda read: [read.one("find_box", name=name) for name in names])


async def begun(staged: list[int]) -> None:
    """Wait until the first rows are staged."""
    async with asyncio.timeout(10):
        for _ in iter(lambda: len(staged) > 0, True):
            await asyncio.sleep(0)


async def left(store: SqliteStore) -> int:
    """How many rows are staged when everybody has had a turn."""
    writer: Any = store._writer  # pyright: ignore[reportPrivateUsage]

    def asked(text: str) -> Callable[[Tx], int]:
        return lambda _: int(writer.execute(text).fetchall()[0][0])

    await asyncio.sleep(0)
    number = await store.run(asked("SELECT count(*) FROM temp.staged_rows"))
    # What is deleted leaves the memory with the commit.
    assert await store.run(asked("PRAGMA temp.freelist_count")) == 0
    return number


async def test_what_was_staged_is_written_as_it_was_given(
    open_file: Open,
    open_sqlite: Open,
    box_statements: Any,
    box_migrations: Any,
    staged: list[int],
) -> None:
    store = open_file()
    whole = open_sqlite(statements=box_statements, migrations=box_migrations)
    await whole.run_in_slices(boxes)
    assert staged == []  # in memory others would wait for it too

    await store.run_in_slices(boxes)
    assert staged == [4, 4, 3]
    found = await contents(store)
    assert found == await contents(whole)
    assert [type(data) for _, data in found] == [type(data) for _, data in await contents(whole)]
    # What comes behind an insert in the unit comes behind it here.
    assert found[3] == (103, 7)


async def test_few_rows_are_not_staged(open_file: Open, staged: list[int]) -> None:
    def few(tx: Tx) -> Slices[None]:
        tx.do_many("put_box", [(f"box-{at}", at, None) for at in range(4)])
        yield

    store = open_file()
    await store.run_in_slices(few)
    assert staged == []
    assert len(await contents(store)) == 4


async def test_nothing_stays_staged_however_it_ends(open_file: Open, staged: list[int]) -> None:
    store = open_file()
    await store.run_in_slices(boxes)
    assert await left(store) == 0
    with pytest.raises(ConstraintViolated):
        await store.run_in_slices(boxes)
    assert await left(store) == 0
    assert len(await contents(store)) == _ROWS
    assert sum(staged) == 2 * _ROWS


async def test_a_caller_that_goes_away_while_rows_are_staged_leaves_none(
    open_file: Open, staged: list[int]
) -> None:
    store = open_file()
    running = asyncio.create_task(store.run_in_slices(boxes))
    await begun(staged)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await left(store) == 0
    assert await contents(store) == []
    await store.run_in_slices(boxes)
    assert len(await contents(store)) == _ROWS


async def test_what_changes_while_rows_are_staged_makes_it_begin_again(
    open_file: Open, staged: list[int]
) -> None:
    store = open_file()
    await store.run(lambda tx: tx.do("put_box", name="first", content=5, data=None))
    running = asyncio.create_task(store.run_in_slices(boxes))
    await begun(staged)
    await store.run(lambda tx: tx.do("fill_box", name="first", amount=1))

    assert await running == (6, None)
    assert sum(staged) == 2 * _ROWS
    assert len(await contents(store)) == 1 + _ROWS


async def test_a_transaction_that_is_lost_while_rows_are_staged_loses_nothing_else(
    open_file: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_file()
    put, lost = Stage.put, iter([True])

    def losing(self: Stage, tx: SqliteTx, way: Any, rows: Any) -> Any:
        if next(lost, False):
            tx.do_aside("ROLLBACK")
            raise LookupError("as on a full disk")
        return put(self, tx, way, rows)

    monkeypatch.setattr(Stage, "put", losing)
    with pytest.raises(StoreUnavailable):
        await store.run_in_slices(boxes)
    assert await contents(store) == []
    await store.run_in_slices(boxes)
    assert len(await contents(store)) == _ROWS


async def test_rows_with_other_than_the_values_of_their_statement_are_refused(
    open_file: Open,
) -> None:
    def short(tx: Tx) -> Slices[None]:
        tx.do_many("put_box", [(f"box-{at}", at) for at in range(_ROWS)])
        yield

    store = open_file()
    with pytest.raises(StatementMisused):
        await store.run_in_slices(short)
    assert await contents(store) == []


def test_a_staged_insert_gives_each_column_what_its_statement_does() -> None:
    [statement] = parse_statements(
        "-- put: twice the same, and something that is no parameter.\n"
        "INSERT INTO boxes (data, name, content)\nVALUES (:name, :name, 1);",
        "test.sql",
    )
    assert insert_from(statement, ["a", "b"], "FROM c") == (
        "INSERT INTO main.boxes (data, name, content) SELECT a, a, 1 FROM c"
    )


def inserts() -> Iterator[Any]:
    return (each for each in load_statements("sqlite").values() if is_insert(each))


@pytest.mark.parametrize("name", sorted(each.name for each in inserts()))
async def test_every_insert_can_be_staged(open_sqlite: Open, tmp_path: Any, name: str) -> None:
    store = open_sqlite(str(tmp_path / "state.db"))

    def stage(tx: SqliteTx) -> None:
        stage = Stage(load_statements("sqlite"))
        stage.empty(tx)
        inserting = stage.inserting(store.ways[name])
        tx.put_from_aside(store.ways[name], inserting, 1, 0)

    await store._run(stage)  # pyright: ignore[reportPrivateUsage]
