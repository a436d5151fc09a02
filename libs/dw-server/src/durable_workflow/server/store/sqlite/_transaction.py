"""Statements on a connection, with the errors of SQLite turned into those of the store."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import apsw

from durable_workflow.server.notices import Notice
from durable_workflow.server.store.errors import (
    Conflict,
    ConstraintViolated,
    StatementMisused,
    StoreError,
    StoreUnavailable,
    StoreUnusable,
)
from durable_workflow.server.store.protocol import Key, Row, Value
from durable_workflow.server.store.sqlite._connection import Connection, Cursor
from durable_workflow.server.store.statements import Statement, Statements

_NOT_UNIQUE = frozenset(
    {
        apsw.SQLITE_CONSTRAINT_PRIMARYKEY,
        apsw.SQLITE_CONSTRAINT_ROWID,
        apsw.SQLITE_CONSTRAINT_UNIQUE,
    }
)
_DAMAGED = (apsw.CorruptError, apsw.NotADBError)
_MISUSED = (apsw.SQLError, apsw.BindingsError, apsw.MismatchError, apsw.RangeError)


@contextmanager
def translated(doing: str) -> Generator[None, None, None]:
    """Raise what SQLite raises as an error of the store."""
    try:
        yield
    except apsw.Error as error:
        raise translate(error, doing) from error


def translate(error: apsw.Error, doing: str) -> StoreError:
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


class Line(NamedTuple):
    """A line of the log that waits for a commit."""

    level: int
    text: str
    args: tuple[object, ...]


class SqliteRead:
    """A view of the database, for as long as one unit or one read lasts."""

    def __init__(self, connection: Connection, statements: Statements, now: int) -> None:
        self.now = now
        self._connection = connection
        self._statements = statements

    def one(self, statement: str, /, **params: Value) -> Row | None:
        """Run a named statement; its first row, or None."""
        cursor = self._execute(self._statement(statement), params)
        try:
            row = cursor.fetchone()
        except apsw.Error as error:
            raise self._failed(error, statement) from error
        # An unfinished SELECT would hold its snapshot, and the WAL could not be reset.
        cursor.close()
        return row

    def all(self, statement: str, /, **params: Value) -> list[Row]:
        """Run a named statement; all its rows."""
        return self._all(self._statement(statement), params)

    def select(self, text: str, params: Mapping[str, Value]) -> list[Row]:
        """All rows of a text that this dialect has made for a search."""
        try:
            return self._connection.execute(text, params).fetchall()
        except apsw.Error as error:
            raise self._failed(error, "search") from error

    def _all(self, statement: Statement, params: Mapping[str, Value]) -> list[Row]:
        try:
            return self._execute(statement, params).fetchall()
        except apsw.Error as error:
            raise self._failed(error, statement.name) from error

    def _execute(self, statement: Statement, params: Mapping[str, Value]) -> Cursor:
        if params.keys() != statement.parameters:
            raise _wrong_parameters(statement, params)
        try:
            return self._connection.execute(statement.text, params)
        except apsw.Error as error:
            raise self._failed(error, statement.name) from error

    def _statement(self, name: str) -> Statement:
        try:
            return self._statements[name]
        except KeyError:
            raise StatementMisused(f"there is no statement {name!r}") from None

    def _failed(self, error: apsw.Error, doing: str) -> BaseException:
        return translate(error, doing)


class SqliteTx(SqliteRead):
    """One attempt of a unit of work. Its notices and log lines wait for the commit.

    All units have this one connection, one after the other, so each key and each row is theirs
    alone already.

    Args:
        last: What is not unique now was not in the attempt before either: it is no conflict.
    """

    def __init__(
        self,
        connection: Connection,
        statements: Statements,
        now: int,
        new_id: Callable[[int], str],
        *,
        last: bool = False,
    ) -> None:
        super().__init__(connection, statements, now)
        self._new_id = new_id
        self._last = last
        self._error: BaseException | None = None
        self.not_unique = False
        self.notices: list[Notice] = []
        self.lines: list[Line] = []

    def lock(self, key: Key, /) -> None:
        """Have `key` to oneself until the end."""

    def take(self, statement: str, /, *, most: int, **params: Value) -> list[Row]:
        """Run a statement that takes rows: at most `most` that no other unit holds."""
        known = self._statements.get(statement)
        if known is None or known.holds != "take":
            raise StatementMisused(f"{statement!r} is no statement that takes")
        params["most"] = most
        return self._all(known, params)

    def do(self, statement: str, /, **params: Value) -> None:
        """Run a named statement that changes rows."""
        self._execute(self._statement(statement), params)

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
            raise self._failed(error, statement) from error

    def new_id(self) -> str:
        """A new identifier: 26 characters, lower case, sorting by time of creation."""
        return self._new_id(self.now)

    def notify(self, notice: Notice, /) -> None:
        """Have `notice` published after this unit is committed, and never if it is not."""
        self.notices.append(notice)

    def say(self, level: int, text: str, /, *args: object) -> None:
        """Have a line logged once, after this unit is committed, and never if it is not."""
        self.lines.append(Line(level, text, args))

    def finish(self) -> None:
        """Raise the error of a statement that the unit did not let pass: it must not go on."""
        if self._error is not None:
            raise self._error

    def _statement(self, name: str) -> Statement:
        known = self._statements.get(name)
        if known is None:
            raise StatementMisused(f"there is no statement {name!r}")
        if known.holds == "take":
            raise StatementMisused(f"{name!r} takes its rows, and is run by `take`")
        return known

    def _failed(self, error: apsw.Error, doing: str) -> BaseException:
        failed: BaseException = translate(error, doing)
        # apsw's annotations do not name the attribute, which every error of SQLite's has.
        if getattr(error, "extendedresult", None) in _NOT_UNIQUE:
            self.not_unique = True
            if not self._last:
                failed = Conflict(str(failed))
        self._error = failed
        return failed


def _wrong_parameters(statement: Statement, params: Mapping[str, Any]) -> StatementMisused:
    missing = sorted(statement.parameters - params.keys())
    unknown = sorted(params.keys() - statement.parameters)
    return StatementMisused(f"{statement.name}: missing {missing}, unknown {unknown}")
