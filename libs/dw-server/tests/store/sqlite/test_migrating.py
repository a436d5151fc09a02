from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.store import Tx
from durable_workflow.server.store.schema import Migration, load_migrations
from durable_workflow.server.store.sqlite import SqliteStore


def look(path: Path, question: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


@pytest.mark.parametrize("first", [1, 10, 26])
async def test_a_new_file_is_what_the_migrations_make_of_an_old_one(
    open_sqlite: Callable[..., SqliteStore], tmp_path: Path, first: int
) -> None:
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    await open_sqlite(str(new)).close()
    await open_sqlite(str(old), statements={}, migrations=load_migrations("sqlite")[:first]).close()
    await open_sqlite(str(old)).close()

    for question in (
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name",
        "SELECT version, name FROM schema_migrations ORDER BY version",
        *[f"PRAGMA {name}" for name in ("application_id", "page_size", "auto_vacuum")],
    ):
        assert look(new, question) == look(old, question), question


async def test_each_database_knows_when_it_was_made(
    open_file: Callable[[], SqliteStore], clock: ManualClock, tmp_path: Path
) -> None:
    for later in (0, 3_600):
        clock.advance(later)
        await open_file().close()
        [(made,)] = look(tmp_path / "boxes.db", "SELECT applied_at FROM schema_migrations")
        assert made == clock.now()
        (tmp_path / "boxes.db").unlink()


async def test_databases_in_memory_share_nothing(
    open_sqlite: Callable[..., SqliteStore], box_statements: Any, box_migrations: list[Migration]
) -> None:
    def open_store() -> SqliteStore:
        return open_sqlite(statements=box_statements, migrations=box_migrations)

    def put(tx: Tx) -> None:
        tx.do("put_box", name="a", content=1, data=None)

    one, other = open_store(), open_store()
    await one.run(put)
    assert await one.read(lambda read: read.all("list_boxes")) == [("a",)]
    assert await other.read(lambda read: read.all("list_boxes")) == []


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "there"])
async def test_a_migration_that_fails_changes_nothing(
    open_file: Callable[..., SqliteStore], box_migrations: list[Migration], is_new: bool
) -> None:
    def put(tx: Tx) -> None:
        tx.do("put_box", name="a", content=1, data=None)

    if not is_new:
        await open_file().close()
    bad = Migration(2, "bad", "CREATE TABLE half (x); SELECT nonsense FROM nowhere;")
    with pytest.raises(Exception, match="0002_bad"):
        open_file(migrations=[*box_migrations, bad])

    good = Migration(2, "good", "CREATE TABLE half (x);")
    await open_file(migrations=[*box_migrations, good]).run(put)
