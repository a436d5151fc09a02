"""Statements on a connection, with the errors of SQLite turned into those of the store."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import apsw

from durable_workflow.server.notices import Notice
from durable_workflow.server.store.errors import (
    ConstraintViolated,
    StatementMisused,
    StoreUnavailable,
    StoreUnusable,
)
from durable_workflow.server.store.protocol import Row, Value
from durable_workflow.server.store.sqlite._connection import Connection, Cursor
from durable_workflow.server.store.statements import Statement, Statements

_DAMAGED = (apsw.CorruptError, apsw.NotADBError)
_MISUSED = (apsw.SQLError, apsw.BindingsError, apsw.MismatchError, apsw.RangeError)


@contextmanager
def translated(doing: str) -> Generator[None, None, None]:
    """Raise what SQLite raises as an error of the store."""
    try:
        yield
    except apsw.Error as error:
        raise translate(error, doing) from error


def translate(error: apsw.Error, doing: str) -> Exception:
    """The store's error for one of SQLite's. `doing` is said in front of its text."""
    text = f"{doing}: {error}"
    if isinstance(error, apsw.ConstraintError):
        return ConstraintViolated(text)
    if isinstance(error, _MISUSED):
        return StatementMisused(text)
    if isinstance(error, _DAMAGED):
        return StoreUnusable(text)
    # Disk full, I/O error, busy, out of memory: the next unit may fare better.
    return StoreUnavailable(text)


class SqliteRead:
    """A view of the database, for as long as one unit or one read lasts."""

    def __init__(self, connection: Connection, statements: Statements, now: int) -> None:
        self.now = now
        self._connection = connection
        self._statements = statements

    def one(self, statement: str, /, **params: Value) -> Row | None:
        """Run a named statement; its first row, or None."""
        cursor = self._execute(statement, params)
        try:
            row = cursor.fetchone()
        except apsw.Error as error:
            raise translate(error, statement) from error
        # An unfinished SELECT would hold its snapshot, and the WAL could not be reset.
        cursor.close()
        return row

    def all(self, statement: str, /, **params: Value) -> list[Row]:
        """Run a named statement; all its rows."""
        try:
            return self._execute(statement, params).fetchall()
        except apsw.Error as error:
            raise translate(error, statement) from error

    def _execute(self, name: str, params: Mapping[str, Value]) -> Cursor:
        statement = self._statement(name)
        if params.keys() != statement.parameters:
            raise _wrong_parameters(statement, params)
        try:
            return self._connection.execute(statement.text, params)
        except apsw.Error as error:
            raise translate(error, name) from error

    def _statement(self, name: str) -> Statement:
        try:
            return self._statements[name]
        except KeyError:
            raise StatementMisused(f"there is no statement {name!r}") from None


class SqliteTx(SqliteRead):
    """One unit of work. Its notices are published once it is committed."""

    def __init__(
        self,
        connection: Connection,
        statements: Statements,
        now: int,
        new_id: Callable[[int], str],
    ) -> None:
        super().__init__(connection, statements, now)
        self._new_id = new_id
        self.notices: list[Notice] = []

    def new_id(self) -> str:
        """A new identifier: 26 characters, lower case, sorting by time of creation."""
        return self._new_id(self.now)

    def do(self, statement: str, /, **params: Value) -> int:
        """Run a named statement that changes rows; how many it changed."""
        self._execute(statement, params)
        return self._connection.changes()

    def do_many(self, statement: str, rows: Sequence[Mapping[str, Value]], /) -> None:
        """Run a named statement once for each row of parameters."""
        if not rows:
            return
        known = self._statement(statement)
        for row in rows:
            if row.keys() != known.parameters:
                raise _wrong_parameters(known, row)
        try:
            self._connection.executemany(known.text, rows)
        except apsw.Error as error:
            raise translate(error, statement) from error

    def notify(self, notice: Notice, /) -> None:
        """Have `notice` published after this unit is committed, and never if it is not."""
        self.notices.append(notice)


def _wrong_parameters(statement: Statement, params: Mapping[str, Any]) -> StatementMisused:
    missing = sorted(statement.parameters - params.keys())
    unknown = sorted(params.keys() - statement.parameters)
    return StatementMisused(f"{statement.name}: missing {missing}, unknown {unknown}")
