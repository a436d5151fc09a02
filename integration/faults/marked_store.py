"""The store that ships, where each unit leaves a mark: so that it can be told which ones are there.

A unit's mark is a row that is written with it. Numbers of units whose callers were answered are
noted outside, and after a crash the rows are held against them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from durable_workflow.server import lifecycle
from durable_workflow.server.store import Tx
from durable_workflow.server.store.protocol import Key
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.statements import Statements, parse_statements

T = TypeVar("T")
_MARKS = """
-- mark_unit: a unit is there.
INSERT INTO marked_units (number) VALUES (:number);
"""


@dataclass
class Ledger:
    """What is known of units outside the database.

    Attributes:
        last: The highest number that was given.
        acknowledged: Those whose callers were answered.
        failed: Those whose callers were told that nothing happened, with what they were told.
    """

    last: int = 0
    acknowledged: set[int] = field(default_factory=set)
    failed: dict[int, BaseException] = field(default_factory=dict)


class MarkedStore(SqliteStore):
    """Takes what `SqliteStore` takes.

    Args:
        ledger: What is noted.
        checkpoint_pages: A checkpoint is due after so many pages.
        synchronous: ``NORMAL`` is weaker than what ships, for a control.
        cache_pages: Pages that are kept in memory by each connection; None for what ships.
    """

    def __init__(
        self,
        location: str,
        *,
        statements: Statements,
        ledger: Ledger,
        checkpoint_pages: int = 100,
        synchronous: str = "FULL",
        cache_pages: int | None = None,
        **options: Any,
    ) -> None:
        marks = {each.name: each for each in parse_statements(_MARKS, "marks")}
        options["checkpoint_pages"] = checkpoint_pages
        super().__init__(location, statements={**statements, **marks}, **options)
        self._ledger = ledger
        for text in (
            "CREATE TABLE IF NOT EXISTS marked_units (number INTEGER PRIMARY KEY)",
            f"PRAGMA synchronous = {synchronous}",
        ):
            self._writer.execute(text).fetchall()
        if cache_pages is not None:
            for connection in (self._writer, self._database.reader):
                connection.execute(f"PRAGMA cache_size = {cache_pages}").fetchall()

    async def run(
        self, work: Callable[[Tx], T], /, *, keys: Sequence[Key] = (), unhurried: bool = False
    ) -> T:
        ledger = self._ledger
        ledger.last = number = ledger.last + 1

        def marked(tx: Tx) -> T:
            result = work(tx)
            tx.do("mark_unit", number=number)
            return result

        try:
            result = await super().run(marked, keys=keys)
        except Exception as error:
            ledger.failed[number] = error
            raise
        ledger.acknowledged.add(number)
        return result


@contextmanager
def marked_units(ledger: Ledger, **options: Any) -> Generator[None]:
    """Have servers that are opened in the block leave marks."""
    store = partial(MarkedStore, ledger=ledger, **options)
    with mock.patch.object(lifecycle, "SqliteStore", store):
        yield


def marks_in(path: Path) -> set[int]:
    """The numbers of the units that a file has."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()
        if ("marked_units",) not in tables:
            return set()
        return {number for (number,) in connection.execute("SELECT number FROM marked_units")}
