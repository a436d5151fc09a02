"""Rows that a long unit puts, handed to SQLite before its transaction.

While a long unit is written nobody else may write. Of what a row takes then more than half is the
handing over of its values, one by one: 75 of a run. So they are handed over before, some in each
unit, into a table of the writer's connection: it is in memory, and nobody else sees it. The long
unit has SQLite copy them from there. What is staged is gone with the connection, and no part of
what is committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from durable_workflow.server.store.sqlite._shapes import insert_from, is_insert
from durable_workflow.server.store.statements import Statement, Statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_workflow.server.store.protocol import Row
    from durable_workflow.server.store.sqlite._changes import Way
    from durable_workflow.server.store.sqlite._transaction import SqliteTx

_TABLE: Final = "temp.staged_rows"
_EMPTIED: Final = f"DELETE FROM {_TABLE}"


class StagedRows(NamedTuple):
    """Rows that stand one after the other in the stage: from `first` to `last`."""

    first: int
    last: int


class Stage:
    """The rows of the one long unit that is under way.

    Args:
        statements: Those whose rows may be staged: inserts of values.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._columns: list[str] = []
        self._inserts: dict[str, Statement] = {}

    def empty(self, tx: SqliteTx) -> None:
        """Have nothing staged any more."""
        if not self._columns:
            width = max(len(each.order) for each in self._statements.values() if is_insert(each))
            self._columns = [f"v{at}" for at in range(width)]
        # A transaction that is rolled back may have taken the table with it.
        tx.do_aside(f"CREATE TEMP TABLE IF NOT EXISTS staged_rows ({', '.join(self._columns)})")
        tx.do_aside(_EMPTIED)

    def put(self, tx: SqliteTx, way: Way, rows: Sequence[Row]) -> StagedRows:
        """Stage rows of values for a statement."""
        columns = self._columns[: len(way.statement.order)]
        marks = ", ".join("?" * len(columns))
        last = tx.put_aside(f"INSERT INTO {_TABLE} ({', '.join(columns)}) VALUES ({marks})", rows)
        return StagedRows(last - len(rows) + 1, last)

    def inserting(self, way: Way) -> Statement:
        """The statement that does for rows between two staged ones what another does for values."""
        found = self._inserts.get(way.statement.name)
        if found is None:
            source = f"FROM {_TABLE} WHERE rowid BETWEEN ? AND ?"
            text = insert_from(way.statement, self._columns, source)
            found = self._inserts[way.statement.name] = Statement(
                f"{way.statement.name} of staged rows",
                *(way.statement.promise, text, text, ("first", "last")),
                *(frozenset(("first", "last")), __name__),
            )
        return found
