"""Bringing a database to this program's schema.

A database that has tables gets each migration that it has not had, in a transaction of its own. A
new one is a copy of an empty one that has had them all, in one transaction: it has its tables or
has none, one sync is enough, and a program that opens many, as tests do, applies them once.
"""

from __future__ import annotations

import functools
from contextlib import closing
from typing import Any, Final, cast

import apsw

from durable_workflow.server.store.schema import Migration, pending
from durable_workflow.server.store.sqlite._connection import Connection
from durable_workflow.server.store.sqlite._transaction import translated

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)"
)
_NAMES: Final = (
    "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!' "
    "ORDER BY type, name"
)


def migrate(connection: Connection, migrations: list[Migration], now: int) -> None:
    """Apply those that the database has not had."""
    connection.execute(_TABLE).fetchall()
    for migration in pending(migrations, version_of(connection)):
        with translated(f"migration {migration.version:04}_{migration.name}"):
            _apply(connection, migration, now)


def fill(connection: Connection, migrations: list[Migration], now: int, settings: str) -> None:
    """Give a new database the tables that all migrations lead to.

    Args:
        settings: Those that the database has already, of its pages among others: the copy
            brings its own.
    """
    with closing(cast("Any", apsw.Connection(":memory:"))) as empty:
        empty.deserialize("main", _empty(tuple(migrations), settings))
        empty.execute("UPDATE schema_migrations SET applied_at = ?", (now,))
        with cast("Any", connection).backup("main", empty, "main") as copy:
            copy.step()


def version_of(connection: Connection) -> int:
    """The newest migration that the database has had; 0 before the first."""
    rows = connection.execute("SELECT max(version) FROM schema_migrations").fetchall()
    return int(cast("int | None", rows[0][0]) or 0)


def lost(connection: Connection, migrations: list[Migration]) -> list[tuple[str, str]]:
    """Kind and name of each table and index that the migrations make and the database lacks."""
    with closing(cast("Any", apsw.Connection(":memory:"))) as made:
        made.deserialize("main", _empty(tuple(migrations), ""))
        wanted = cast(Connection, made).execute(_NAMES).fetchall()
    found = set(connection.execute(_NAMES).fetchall())
    return [(str(kind), str(name)) for kind, name in wanted if (kind, name) not in found]


@functools.lru_cache(maxsize=4)
def _empty(migrations: tuple[Migration, ...], settings: str) -> bytes:
    """A database that has had the migrations and nothing else, as its file would be."""
    with closing(apsw.Connection(":memory:")) as made:
        connection = cast(Connection, made)
        connection.execute(settings).fetchall()
        migrate(connection, list(migrations), now=0)
        return made.serialize("main")


def _apply(connection: Connection, migration: Migration, now: int) -> None:
    connection.execute("BEGIN IMMEDIATE").fetchall()
    try:
        connection.execute(migration.text).fetchall()
        connection.execute(
            "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)",
            (migration.version, migration.name, now),
        ).fetchall()
        connection.execute("COMMIT").fetchall()
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK").fetchall()
