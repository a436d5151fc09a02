"""Statements on a connection, with the errors of SQLite turned into those of the store."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

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
from durable_workflow.server.store.protocol import G, Key, RecallKey, Row, RowsOf, T, Value
from durable_workflow.server.store.sqlite._changes import UnitChanges, Way, Ways
from durable_workflow.server.store.sqlite._connection import Connection, Cursor, Executing
from durable_workflow.server.store.statements import Statement

_NOT_UNIQUE = frozenset(
    {
        apsw.SQLITE_CONSTRAINT_PRIMARYKEY,
        apsw.SQLITE_CONSTRAINT_ROWID,
        apsw.SQLITE_CONSTRAINT_UNIQUE,
    }
)
_DAMAGED = (apsw.CorruptError, apsw.NotADBError)
_MISUSED = (apsw.SQLError, apsw.BindingsError, apsw.MismatchError, apsw.RangeError)

_NO_ERROR: Final = "not an error"
_TEXTS: Final[dict[type[apsw.Error], str]] = {
    apsw.FullError: "database or disk is full",
    apsw.IOError: "disk I/O error",
}


@contextmanager
def translated(doing: str) -> Generator[None, None, None]:
    """Raise what SQLite raises as an error of the store."""
    try:
        yield
    except apsw.Error as error:
        raise translate(error, doing) from error


def translate(error: apsw.Error, doing: str) -> StoreError:
    """The store's error for one of SQLite's. `doing` is said in front of its text."""
    text = f"{doing}: {_text_of(error)}"
    if isinstance(error, apsw.ConstraintError):
        return ConstraintViolated(text)
    if isinstance(error, _MISUSED):
        return StatementMisused(text)
    if isinstance(error, _DAMAGED):
        return StoreUnusable(text)
    # Disk full, I/O error, busy, out of memory: the next unit may fare better.
    return StoreUnavailable(text)


def _text_of(error: apsw.Error) -> str:
    # The text is that of a connection. A copy has two, and it may be of the one that did not fail.
    text = str(error)
    return _TEXTS.get(type(error), type(error).__name__) if text == _NO_ERROR else text


@contextmanager
def one_snapshot(connection: Connection) -> Generator[None, None, None]:
    """Everything that is read in the block is of one moment.

    Raises:
        StoreUnavailable: The database cannot be read.
    """
    with translated("cannot read"):
        connection.execute("BEGIN").fetchall()
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT").fetchall()


def _untaken(way: Way) -> StatementMisused:
    return StatementMisused(f"{way.statement.name!r} takes its rows, and is run by `take`")


class Line(NamedTuple):
    """A line of the log that waits for a commit."""

    level: int
    text: str
    args: tuple[object, ...]
    ids: Mapping[str, str]


class SqliteRead:
    """A view of the database, for as long as one unit or one read lasts."""

    def __init__(self, runs: Executing, ways: Ways, now: int) -> None:
        self.now = now
        self._runs = runs
        self._ways = ways

    def one(self, statement: str, /, **params: Value) -> Row | None:
        """Run a named statement; its first row, or None."""
        rows = self.all(statement, **params)
        return rows[0] if rows else None

    def all(self, statement: str, /, **params: Value) -> list[Row]:
        """Run a named statement; all its rows."""
        way = self._ways[statement]
        # Checked here: `PRAGMA query_only`, switched on a connection that also writes, has SQLite
        # prepare every statement anew.
        if way.changes:
            raise StatementMisused(f"{statement} changes rows, and a read is read-only")
        return self._found(way, way.given(params))

    def recall(self, key: RecallKey, /) -> Any:
        """None: what is remembered may be ahead of what is read here."""
        del key

    def select(self, text: str, params: Mapping[str, Value]) -> list[Row]:
        """All rows of a text that this dialect has made for a search."""
        try:
            return self._runs.execute(text, params).fetchall()
        except apsw.Error as error:
            raise self._failed(error, "search") from error

    def _found(self, way: Way, values: Row) -> list[Row]:
        # To the last row: an unfinished SELECT would hold its snapshot, and the WAL could not be
        # reset.
        try:
            return self._runs.execute(way.text, values).fetchall()
        except apsw.Error as error:
            raise self._failed(error, way.statement.name) from error

    def _failed(self, error: apsw.Error, doing: str) -> BaseException:
        return translate(error, doing)


class SqliteTx(SqliteRead):
    """One attempt of a unit of work. Its notices and log lines wait for the commit.

    All units have this one connection, one after the other, so each key and each row is theirs
    alone already. What it changes is written at the end, or before it is read.

    Args:
        cursor: Runs its statements; units share one, and what one leaves unfinished the next ends.
        last: What is not unique now was not in the attempt before either: it is no conflict.
        alone: The transaction is the unit's alone so far: all of it can be taken back, so that no
            savepoint is needed.

    Attributes:
        has_written: Whether there may be something to take back.
        saves_space: Whether what is written goes to a disk.
    """

    def __init__(
        self,
        connection: Connection,
        cursor: Cursor,
        ways: Ways,
        now: int,
        new_id: Callable[[int], str],
        *,
        last: bool = False,
        alone: bool = False,
    ) -> None:
        super().__init__(cursor, ways, now)
        self._connection = connection
        self._cursor = cursor
        self._new_id = new_id
        self._last = last
        self._alone = alone
        self._error: BaseException | None = None
        self._changes = UnitChanges(ways, self._run)
        self._known = ways.remembered
        self._remembered: dict[RecallKey, object] = {}
        self.saves_space = ways.saves_space
        self.has_written = False
        self._changed_before = 0
        self.not_unique = False
        self.notices: list[Notice] = []
        self.lines: list[Line] = []

    def one(self, statement: str, /, **params: Value) -> Row | None:
        """Run a named statement; its first row, or None."""
        way = self._ways[statement]
        values = way.given(params)
        if way.lookup is not None:
            known, row = self._changes.find(way.lookup, values)
            if known:
                return row
        rows = self._answer(way, values)
        return rows[0] if rows else None

    def all(self, statement: str, /, **params: Value) -> list[Row]:
        """Run a named statement; all its rows."""
        way = self._ways[statement]
        return self._answer(way, way.given(params))

    def lock(self, key: Key, /) -> None:
        """Have `key` to oneself until the end."""

    def recall(self, key: RecallKey, /) -> Any:
        """What this unit or those before it have remembered under a key; None if not known."""
        if key in self._remembered:
            return self._remembered[key]
        return self._known.get(key)

    def remember(self, key: RecallKey, value: object, /) -> None:
        """Have `value` recalled by this unit and, if it ends well, by those that follow."""
        self._remembered[key] = value

    def take(self, statement: str, /, *, most: int, **params: Value) -> list[Row]:
        """Run a statement that takes rows: at most `most` that no other unit holds."""
        params["most"] = most
        way = self._ways[statement]
        if not way.takes:
            raise StatementMisused(f"{statement!r} is no statement that takes")
        return self._read(way, way.given(params))

    def do(self, statement: str, /, **params: Value) -> None:
        """Run a named statement that changes rows."""
        way = self._ways[statement]
        if way.takes:
            raise _untaken(way)
        self._changes.change(way, [way.given(params)])

    def do_many(self, statement: str, rows: Sequence[Row], /) -> None:
        """Run a named statement once for each row of values."""
        way = self._ways[statement]
        count = way.count
        for row in rows:
            if len(row) != count:
                order = ", ".join(way.statement.order)
                raise StatementMisused(f"{statement}: {len(row)} values for {order}")
        if rows:
            self._changes.change(way, rows)

    def do_together(
        self, statement: str, group: G, items: Sequence[T], rows_of: RowsOf[G, T], /
    ) -> None:
        """Run a named insert once for each row that is made of the items of a group."""
        if items:
            self._changes.add(self._ways[statement], group, items, rows_of)

    def do_aside(self, text: str) -> None:
        """Change what belongs to this connection alone: it is no part of the unit."""
        with translated("cannot be kept aside"):
            self._connection.execute(text).fetchall()

    def put_aside(self, text: str, rows: Sequence[Row]) -> int:
        """Put rows where `do_aside` has made room for them; the number of the last one."""
        with translated("cannot be kept aside"):
            self._connection.executemany(text, rows)
        return self._connection.last_insert_rowid()

    def put_from_aside(self, way: Way, statement: Statement, first: int, last: int) -> None:
        """Run what puts the rows of `way` from those aside, of which it gets the numbers."""
        self._changes.write_at_once(way, statement, [(first, last)])

    def write_out(self) -> None:
        """Write what was changed so far, so that the end has less to do."""
        self._changes.write()

    def new_id(self) -> str:
        """A new identifier: 26 characters, lower case, sorting by time of creation."""
        return self._new_id(self.now)

    def notify(self, notice: Notice, /) -> None:
        """Have `notice` published after this unit is committed, and never if it is not."""
        self.notices.append(notice)

    def say(self, level: int, text: str, /, *args: object, **ids: str) -> None:
        """Have a line logged once, after this unit is committed, and never if it is not."""
        self.lines.append(Line(level, text, args, ids))

    def take_notices(self) -> list[Notice]:
        """The notices since this was last asked."""
        notices, self.notices = self.notices, []
        return notices

    def finish(self) -> bool:
        """Write what is unwritten, and end the unit's part of the transaction.

        Returns:
            Whether the unit has changed any row.

        Raises:
            StoreError: It cannot be written, or the unit went on after an error of a statement, or
                after the end of the transaction.
        """
        self.check()
        self._changes.write()
        has_written, self.has_written = self.has_written, False
        has_changed = has_written and self._connection.total_changes() != self._changed_before
        if has_written and not self._alone:
            self._cursor.execute("RELEASE unit")
        elif has_written and not self._connection.in_transaction:
            raise StoreUnavailable("the transaction was rolled back")
        self._changes.keep()
        self._known.keep(self._remembered)
        return has_changed

    def end(self) -> None:
        """The attempt is over. What it used is free at once: it refers to itself no more.

        Else all of it would wait for the collector of cycles, and the next unit would work in
        memory that the processor does not have at hand.
        """
        self._changes.end()

    def check(self) -> None:
        """Raise the error of a statement that the unit did not let pass: it must not go on."""
        if self._error is not None:
            raise self._error

    def _answer(self, way: Way, values: Row) -> list[Row]:
        if way.recalled:
            return self._changes.answer(way, values, self._found)
        if way.takes:
            raise _untaken(way)
        return self._read(way, values)

    def _read(self, way: Way, values: Row) -> list[Row]:
        self._changes.write_before(way)
        if way.changes and not self.has_written:
            self._begin_to_write()
        rows = self._found(way, values)
        if way.gives is not None:
            self._changes.note(way, rows)
        return rows

    def _begin_to_write(self) -> None:
        if not self._alone:
            self._cursor.execute("SAVEPOINT unit")
        self.has_written = True
        self._changed_before = self._connection.total_changes()

    def _run(self, statement: Statement, rows: Sequence[Row]) -> None:
        try:
            if not self.has_written:
                self._begin_to_write()
            text = self._ways.text_of(statement)
            if len(rows) == 1:
                self._cursor.execute(text, rows[0])
            else:
                self._cursor.executemany(text, rows)
        except apsw.Error as error:
            raise self._failed(error, statement.name) from error

    def _failed(self, error: apsw.Error, doing: str) -> BaseException:
        failed: BaseException = translate(error, doing)
        # apsw's annotations do not name the attribute, which every error of SQLite's has.
        if getattr(error, "extendedresult", None) in _NOT_UNIQUE:
            self.not_unique = True
            if not self._last:
                failed = Conflict(str(failed))
        self._error = failed
        return failed
