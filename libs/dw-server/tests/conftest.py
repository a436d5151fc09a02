"""What all tests of the server share: a store in memory, a clock that is told, ids that repeat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.notices import Notice
from durable_workflow.server.store.protocol import Store
from durable_workflow.server.store.schema import Migration, load_migrations
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.statements import (
    Statement,
    Statements,
    load_statements,
    parse_statements,
)

# The stores themselves are tested on a small schema of the tests' own.
SCHEMA = """
CREATE TABLE boxes (name TEXT PRIMARY KEY, content INTEGER NOT NULL, data BLOB);
CREATE TABLE labels (box TEXT NOT NULL REFERENCES boxes (name), text TEXT NOT NULL);
"""
QUERIES = """
-- put_box: a new box; breaks a rule if the name is taken.
INSERT INTO boxes (name, content, data) VALUES (:name, :content, :data);
-- fill_box: adds :amount to the box.
UPDATE boxes SET content = content + :amount WHERE name = :name;
-- find_box: the content and the data of one box.
SELECT content, data FROM boxes WHERE name = :name;
-- list_boxes: names, in order.
SELECT name FROM boxes ORDER BY name;
-- label_box: breaks a rule if there is no such box.
INSERT INTO labels (box, text) VALUES (:box, :text);
-- journal_mode: how changes are written.
PRAGMA journal_mode;
-- synchronous: what is synced.
PRAGMA synchronous;
-- fold_often: has the log folded into the file after every few pages.
PRAGMA wal_autocheckpoint = 20;
-- foreign_keys: whether references are checked.
PRAGMA foreign_keys;
-- give_up: ends the transaction, as SQLite does by itself when the disk is full.
ROLLBACK;
-- broken: names a table that does not exist.
SELECT 1 FROM nowhere;
"""

OpenStore: TypeAlias = Callable[..., Store]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ids() -> UlidSource:
    return UlidSource(seed=1)


@pytest.fixture
async def turns() -> AsyncIterator[Callable[[], int]]:
    """Tells how many turns the event loop has given to others than the test."""
    taken = 0

    async def count() -> None:
        nonlocal taken
        while True:
            taken += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    yield lambda: taken
    counting.cancel()


@pytest.fixture
def notices() -> list[Notice]:
    """What the store of this test published, in order."""
    return []


@pytest.fixture
async def open_sqlite(
    clock: ManualClock, ids: UlidSource, notices: list[Notice]
) -> AsyncIterator[Callable[..., SqliteStore]]:
    """Opens SQLite stores, and closes those that the test left open."""
    opened: list[SqliteStore] = []

    def publish(published: Sequence[Notice]) -> None:
        notices.extend(published)

    def open_store(
        location: str = ":memory:",
        *,
        statements: Statements | None = None,
        migrations: list[Migration] | None = None,
        max_waiting: int = 5_000,
        vfs: str | None = None,
        foretell: Callable[[Sequence[Notice]], Sequence[Notice]] = lambda notices: notices,
    ) -> SqliteStore:
        store = SqliteStore(
            location,
            statements=load_statements("sqlite") if statements is None else statements,
            migrations=load_migrations() if migrations is None else migrations,
            clock=clock,
            ids=ids,
            publish=publish,
            max_waiting=max_waiting,
            vfs=vfs,
            foretell=foretell,
        )
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        await store.close()


@pytest.fixture
def store(open_sqlite: Callable[..., SqliteStore]) -> SqliteStore:
    """The real schema, empty, in memory."""
    return open_sqlite()


@pytest.fixture
def box_sources() -> tuple[str, str]:
    """The schema and the statements as text, for another process."""
    return SCHEMA, QUERIES


@pytest.fixture
def box_statements() -> dict[str, Statement]:
    return {statement.name: statement for statement in parse_statements(QUERIES, "boxes.sql")}


@pytest.fixture
def box_migrations() -> list[Migration]:
    return [Migration(1, "boxes", SCHEMA)]


@pytest.fixture
def open_file(
    open_sqlite: OpenStore,
    box_statements: dict[str, Statement],
    box_migrations: list[Migration],
    tmp_path: Path,
) -> OpenStore:
    """Opens the SQLite file of this test, with the boxes in it."""

    def open_store(**options: object) -> Store:
        location = str(tmp_path / "boxes.db")
        wanted = {"statements": box_statements, "migrations": box_migrations, **options}
        return open_sqlite(location, **wanted)

    return open_store


@pytest.fixture(params=["sqlite-memory", "sqlite-file"])
def box_store(
    request: pytest.FixtureRequest,
    open_sqlite: OpenStore,
    open_file: OpenStore,
    box_statements: dict[str, Statement],
    box_migrations: list[Migration],
) -> Store:
    """Each store of ours in turn. A new kind of store is one more parameter here."""
    if request.param == "sqlite-file":
        return open_file(max_waiting=50)
    return open_sqlite(statements=box_statements, migrations=box_migrations, max_waiting=50)
