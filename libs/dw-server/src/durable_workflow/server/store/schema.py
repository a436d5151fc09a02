"""The schema's history: numbered SQL files, applied forwards, each in a transaction of its own.

All databases have the same; where they name a type differently a file says ``{bytes}``, and of a
table whose rows stand in the order of their key ``{by key}``. What
stands between ``{begin sqlite}`` and ``{end sqlite}`` is done on SQLite alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from durable_workflow.server.store.errors import StoreUnusable

FOLDER = Path(__file__).parent / "migrations"

_WORDS: Final[dict[str, dict[str, str]]] = {
    "sqlite": {
        "{bytes}": "BLOB",
        "{by key}": "WITHOUT ROWID",
        "{begin sqlite}": "",
        "{end sqlite}": "",
    },
    "postgres": {"{bytes}": "BYTEA", "{by key}": "", "{begin sqlite}": "/*", "{end sqlite}": "*/"},
}

_NAME = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema."""

    version: int
    name: str
    text: str


def load_migrations(dialect: str, folder: Path = FOLDER) -> list[Migration]:
    """Every migration of `folder`, in order, as `dialect` says it.

    Raises:
        StoreUnusable: The numbers do not run from 1 on without a gap, or a name does not fit.
    """
    found: list[Migration] = []
    for file in sorted(folder.glob("*.sql")):
        match = _NAME.match(file.name)
        if match is None:
            raise StoreUnusable(f"{file.name} is not named like a migration, 0001_name.sql")
        found.append(Migration(int(match[1]), match[2], _said(file, dialect)))
        if found[-1].version != len(found):
            raise StoreUnusable(f"migration {len(found):04} is missing, or stands twice")
    return found


def _said(file: Path, dialect: str) -> str:
    text = file.read_text("utf-8")
    for word, own in _WORDS[dialect].items():
        text = text.replace(word, own)
    return text


def refuse_newer(migrations: list[Migration], applied: int, name: str) -> None:
    """Check that a program with these migrations knows the schema of a database.

    Args:
        applied: Version of the database.
        name: Name of its newest migration.
    Raises:
        StoreUnusable: A newer program has changed the schema. This one does not know what its
            rows mean.
    """
    newest = max((migration.version for migration in migrations), default=0)
    if applied > newest:
        raise StoreUnusable(
            f"its schema is at {applied:04}_{name}, and this server knows the schema up to "
            f"{newest:04}: a newer dw-server has written to it. Run that version, or a backup from "
            "before the upgrade"
        )


def pending(migrations: list[Migration], applied: int) -> list[Migration]:
    """Those that are still to be done on a database at version `applied`."""
    return [migration for migration in migrations if migration.version > applied]
