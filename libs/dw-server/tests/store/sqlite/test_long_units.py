"""Units that are written in slices: others are served meanwhile, and see all of it or nothing."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.server.notices import DueAt, Notice
from durable_workflow.server.slices import Slices
from durable_workflow.server.store import ConstraintViolated, StoreUnavailable
from durable_workflow.server.store.protocol import Tx
from durable_workflow.server.store.sqlite import SqliteStore, _preparing, _store
from durable_workflow.server.store.sqlite._committer import CommitPace

Open = Callable[..., SqliteStore]
_ROWS = 40


@pytest.fixture(autouse=True)
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each turn writes two rows and publishes three notices."""
    monkeypatch.setattr(_preparing, "_PIECE", 2)
    monkeypatch.setattr(_store, "_TURN_SECONDS", 0.0)
    monkeypatch.setattr(_store, "_PUBLISHED_AT_ONCE", 3)


@pytest.fixture
def trusted_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that are not long are committed on the spot."""

    def trusts(pace: CommitPace, units: int) -> bool:
        return True

    monkeypatch.setattr(CommitPace, "on_the_spot", trusts)


def boxes(tx: Tx) -> Slices[str]:
    for number in range(_ROWS):
        tx.do("put_box", name=f"box-{number:02}", content=1, data=None)
        tx.notify(DueAt(number))
        yield
    return "done"


async def until(condition: Callable[[], bool]) -> None:
    """Let others have turns until it holds."""
    async with asyncio.timeout(10):
        for _ in iter(condition, True):
            await asyncio.sleep(0)


class Stage:
    """Says when a unit is being written: its rows are in the transaction, and not committed."""

    def __init__(self) -> None:
        self._pauses = 0

    def noted(self, write: Callable[..., Slices[None]]) -> Callable[..., Slices[None]]:
        """`write`, with its pauses counted: there is one behind every two rows."""

        def noted_write(*given: Any) -> Slices[None]:
            for _ in write(*given):
                self._pauses += 1
                yield

        return noted_write

    async def reached(self, rows: int) -> None:
        await until(lambda: 2 * self._pauses >= rows)


@pytest.fixture(autouse=True)
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()
    prepared = _preparing.PreparedTx
    monkeypatch.setattr(prepared, "write", stage.noted(prepared.write))
    return stage


async def names(store: SqliteStore) -> list[str]:
    return [name for (name,) in await store.read(lambda read: read.all("list_boxes"))]


async def put(store: SqliteStore, name: str) -> None:
    await store.run(lambda tx: tx.do("put_box", name=name, content=0, data=None))


async def test_reads_are_served_while_it_is_written_and_see_nothing_of_it(
    open_file: Open, stage: Stage
) -> None:
    store = open_file()
    running = asyncio.create_task(store.run_in_slices(boxes))
    await stage.reached(10)
    seen = [await names(store) for _ in range(3)]
    await stage.reached(20)

    assert await running == "done"
    assert seen == [[], [], []]
    assert len(await names(store)) == _ROWS


async def test_units_that_come_meanwhile_run_behind_it(
    open_file: Open, stage: Stage, notices: list[Notice]
) -> None:
    store = open_file()
    running = asyncio.create_task(store.run_in_slices(boxes))
    await stage.reached(10)

    def look(tx: Tx) -> int:
        tx.notify(DueAt(1000))
        return len(tx.all("list_boxes"))

    assert await store.run(look) == _ROWS
    assert running.done()
    # Published in parts behind the answers, and none of a later unit between them.
    await until(lambda: len(notices) > _ROWS)
    assert notices == [*map(DueAt, range(_ROWS)), DueAt(1000)]


async def test_units_that_come_meanwhile_do_not_wait_until_its_notices_are_published(
    open_file: Open, stage: Stage, notices: list[Notice], trusted_disk: None
) -> None:
    store = open_file()
    running = asyncio.create_task(store.run_in_slices(boxes))
    await stage.reached(10)
    await store.run(lambda tx: tx.notify(DueAt(1000)))
    assert len(notices) < _ROWS
    # Whoever closes it has them all published, in the order of the commits.
    await store.close()
    assert notices == [*map(DueAt, range(_ROWS)), DueAt(1000)]
    assert await running == "done"


async def test_units_that_came_before_do_not_wait_for_it(open_file: Open) -> None:
    store = open_file()
    running = asyncio.create_task(store.run_in_slices(boxes))
    waiting = store._waiting  # pyright: ignore[reportPrivateUsage]
    await until(lambda: any(unit.is_long for unit in waiting))
    await put(store, "late")
    assert running.done()

    order: list[str] = []

    async def noted(what: Any, name: str) -> None:
        await what
        order.append(name)

    def long(tx: Tx) -> Slices[None]:
        tx.do("put_box", name="long", content=0, data=None)
        for _ in range(5):
            yield

    short = asyncio.create_task(noted(put(store, "short"), "short"))
    await asyncio.sleep(0)
    run: Any = store._run  # pyright: ignore[reportPrivateUsage]
    await asyncio.gather(short, noted(run(long, is_long=True), "long"))
    assert order == ["short", "long"]


async def test_a_row_that_cannot_be_written_takes_all_of_it_back(
    open_file: Open, notices: list[Notice]
) -> None:
    store = open_file()
    await put(store, f"box-{_ROWS - 1:02}")
    with pytest.raises(ConstraintViolated):
        await store.run_in_slices(boxes)

    assert await names(store) == [f"box-{_ROWS - 1:02}"]
    assert notices == []
    await put(store, "next")
    assert len(await names(store)) == 2


async def test_a_database_that_becomes_full_meanwhile_fails_it_alone(
    open_file: Open, caplog: pytest.LogCaptureFixture
) -> None:
    def large(tx: Tx) -> Slices[None]:
        for number in range(_ROWS):
            tx.do("put_box", name=f"box-{number:02}", content=1, data=b"x" * 10_000)
            yield

    store = open_file()
    writer: Any = store._writer  # pyright: ignore[reportPrivateUsage]
    [(pages,)] = writer.execute("PRAGMA page_count").fetchall()
    writer.execute(f"PRAGMA max_page_count = {pages + 60}").fetchall()
    with caplog.at_level(logging.ERROR), pytest.raises(StoreUnavailable, match="full"):
        await store.run_in_slices(large)

    assert await names(store) == []
    await put(store, "next")
    assert await names(store) == ["next"]


async def test_a_process_that_dies_meanwhile_leaves_nothing(
    open_file: Open, stage: Stage, tmp_path: Path
) -> None:
    store = open_file()
    running = asyncio.create_task(store.run_in_slices(boxes))
    await stage.reached(_ROWS - 4)
    copy = tmp_path / "copy.db"
    # What another process would find now.
    for end in ("", "-wal"):
        shutil.copy(tmp_path / f"boxes.db{end}", f"{copy}{end}")
    with closing(sqlite3.connect(copy)) as found:
        assert found.execute("SELECT count(*) FROM boxes").fetchall() == [(0,)]
    assert await running == "done"


async def test_a_store_that_closes_finishes_it(
    open_file: Open, stage: Stage, tmp_path: Path
) -> None:
    store = open_file()
    running = asyncio.create_task(store.run_in_slices(boxes))
    await stage.reached(10)
    await store.close()
    assert await running == "done"
    with closing(sqlite3.connect(tmp_path / "boxes.db")) as found:
        assert found.execute("SELECT count(*) FROM boxes").fetchall() == [(_ROWS,)]


async def test_in_memory_it_is_written_at_once(
    open_sqlite: Open, box_statements: Any, box_migrations: Any
) -> None:
    """There reads have the connection of the unit."""
    store = open_sqlite(statements=box_statements, migrations=box_migrations)
    running = asyncio.create_task(store.run_in_slices(boxes))
    seen: set[int] = set()
    while not running.done():
        seen.add(len(await names(store)))
        await asyncio.sleep(0)
    assert await running == "done"
    assert seen <= {0, _ROWS}
    assert len(await names(store)) == _ROWS


async def test_it_is_committed_in_the_thread_however_quick_the_disk_was(
    open_file: Open, trusted_disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_thread: list[str] = []
    store = open_file()
    committer: Any = store._committer  # pyright: ignore[reportPrivateUsage]
    commit = committer.commit

    def noted(done: Any) -> None:
        in_the_thread.append("a batch")
        commit(done)

    monkeypatch.setattr(committer, "commit", noted)
    await put(store, "first")
    assert in_the_thread == []
    await store.run_in_slices(boxes)
    assert in_the_thread == ["a batch"]


async def test_tasks_are_placed_in_parts(open_file: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[int] = []

    class Parts:
        def wants(self, notices: Sequence[Notice]) -> bool:
            return bool(notices)

        def place(self, tx: Tx, notices: Sequence[Notice]) -> list[Notice]:
            placed.append(len(notices))
            return list(notices)

        def revoke(self, notices: Sequence[Notice]) -> None: ...

    monkeypatch.setattr("durable_workflow.server.store.sqlite._units._PART", 15)
    store = open_file()
    store._units._placement = Parts()  # pyright: ignore[reportPrivateUsage]
    await store.run_in_slices(boxes)
    assert placed == [15, 15, 10]
