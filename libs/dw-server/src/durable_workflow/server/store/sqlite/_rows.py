"""Rows that are read and written by key: kept in memory, and written once in each unit.

A unit that reports a result, wakes its run and claims the next task changes the run's row three
times. Here it is changed in memory, and written when the unit ends: the columns whose values differ
by then, which of the fifty that may change are ten. Rows of what is still open stay in memory for
the units to come, because they are read again with every report.

What a unit has changed belongs to that unit alone (`UnitRows`) until it has ended well; only then
are the kept rows told (`KeptRows`). So a unit that fails leaves them as they are. A batch that is
not committed makes them forget everything. They never hold what the database does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from operator import itemgetter, ne
from typing import Final, TypeAlias

import msgspec

from durable_workflow.server.store.protocol import Row, Value
from durable_workflow.server.store.sqlite._shapes import Shape, shape_of
from durable_workflow.server.store.statements import Statement, Statements

RowKey: TypeAlias = tuple[Value, ...]
# Runs a statement for each of some rows of values.
Run: TypeAlias = Callable[[Statement, Sequence[Row]], None]


Pick: TypeAlias = Callable[[Row], Row]
# So many sets of columns that change together have statements of their own.
_MOST_UPDATES: Final = 40


def pick(places: Sequence[int]) -> Pick:
    """Takes the values at some places of a row."""
    if len(places) > 1:
        picked: Pick = itemgetter(*places)
        return picked
    [only] = places
    one: Pick = itemgetter(slice(only, only + 1))
    return one


def pick_named(names: Sequence[str]) -> Callable[[Mapping[str, Value]], Row]:
    """Takes the values of some parameters, in this order."""
    if len(names) > 1:
        picked: Callable[[Mapping[str, Value]], Row] = itemgetter(*names)
        return picked
    if not names:
        return lambda _: ()
    [only] = names
    return lambda params: (params[only],)


class Lookup(msgspec.Struct, frozen=True):
    """A select that finds one row by its key, or by the column that tells rows apart too.

    Attributes:
        key: The key among the values; None where it is not by the key.
        other: The place of the other column's value among them.
        test: What a row has in some columns, and what the values say that it has there; None
            where nothing but the key is tested.
        answer: What the select reads of a row; None for all of it.
    """

    table: str
    key: Pick | None
    other: int
    test: tuple[Callable[[Row], object], Callable[[Row], object]] | None
    answer: Pick | None

    def found_in(self, row: Row, values: Row) -> Row | None:
        """What the select finds in the row of its key."""
        if self.test is not None:
            tested, wanted = self.test
            if tested(row) != wanted(values):
                return None
        return row if self.answer is None else self.answer(row)


class Change(msgspec.Struct, frozen=True):
    """A statement that writes one row: all of a new one, or some columns by the key.

    Attributes:
        key: The key among the values.
        row: The row as it will be, of the row before followed by the values; of a new one there is
            none before.
        values: The values of a row, in the order in which the statement takes them.
        columns: Those that it sets.
    """

    table: str
    statement: Statement
    is_insert: bool
    key: Pick
    row: Pick
    values: Pick
    columns: tuple[str, ...]


class RowTable:
    """A table whose rows are found by key.

    Args:
        key: Columns of its primary key.
        other: A column that is unique too, where statements look for it.
        closed: The column that is set in rows that nobody asks for any more.
        most: How many open rows are kept between units.
    """

    def __init__(
        self,
        name: str,
        key: tuple[str, ...],
        *,
        other: str | None = None,
        closed: str | None = None,
        most: int = 0,
    ) -> None:
        self.name = name
        self.most = most
        self._key = key
        self._other = other
        self._closed = closed

    def among(self, statements: Statements) -> KnownTable | None:
        """What the statements do to this table; None where none of them inserts whole rows."""
        shapes = [
            (statement, shape)
            for statement in statements.values()
            if (shape := shape_of(statement)) is not None and shape.table == self.name
        ]
        inserts = [shape for _, shape in shapes if shape.verb == "insert"]
        if len(inserts) != 1:
            return None
        columns = [column for column, _ in inserts[0].given]
        known = KnownTable(self.name, self.most, tuple(map(columns.index, self._key)), columns)
        known.other = None if self._other is None else columns.index(self._other)
        known.closed = None if self._closed is None else columns.index(self._closed)
        for statement, shape in shapes:
            if shape.verb == "select":
                self._add_lookup(known, statement, shape)
            else:
                self._add_change(known, statement, shape)
        return known

    def _add_lookup(self, known: KnownTable, statement: Statement, shape: Shape) -> None:
        where = dict(shape.where)
        by_key = where.keys() >= set(self._key)
        if not by_key and self._other not in where:
            return
        used = self._key if by_key else (self._other,)
        picks = tuple(map(known.columns.index, shape.columns))
        places = {name: at for at, name in enumerate(statement.order)}
        tests = [
            (known.columns.index(at), places[name]) for at, name in shape.where if at not in used
        ]
        test = None
        if tests:
            test = itemgetter(*[at for at, _ in tests]), itemgetter(*[at for _, at in tests])
        known.lookups[statement.name] = Lookup(
            self.name,
            pick([places[where[column]] for column in self._key]) if by_key else None,
            0 if by_key or self._other is None else places[where[self._other]],
            test,
            pick(picks) if picks != tuple(range(len(known.columns))) else None,
        )

    def _add_change(self, known: KnownTable, statement: Statement, shape: Shape) -> None:
        places = {name: at for at, name in enumerate(statement.order)}
        is_insert = shape.verb == "insert"
        keyed = dict(shape.given if is_insert else shape.where)
        if keyed.keys() != set(self._key) and not is_insert:
            return
        width = 0 if is_insert else len(known.columns)
        after = list(range(len(known.columns)))
        columns = {name: known.columns.index(at) for at, name in (*shape.given, *shape.where)}
        for column, name in shape.given:
            after[known.columns.index(column)] = width + places[name]
        known.changes[statement.name] = Change(
            self.name,
            statement,
            is_insert,
            pick([places[keyed[column]] for column in self._key]),
            pick(after),
            pick([columns[name] for name in statement.order]),
            tuple(column for column, _ in shape.given),
        )


class KnownTable:
    """A table with its statements; columns are places in its rows."""

    def __init__(self, name: str, most: int, key: tuple[int, ...], columns: list[str]) -> None:
        self.most = most
        self.key_of = pick(key)
        # What stands for its rows among what is unwritten: no name of a statement.
        self.place = f"rows of {name}"
        self._name = name
        self._key = key
        self.columns = columns
        self._places = range(len(columns))
        self.other: int | None = None
        self.closed: int | None = None
        self.lookups: dict[str, Lookup] = {}
        self.changes: dict[str, Change] = {}
        # By the places of the columns that they write; None for the insert of a whole row.
        self._writing: dict[tuple[int, ...] | None, tuple[Statement, Pick]] = {}

    def writing(self, changed: tuple[int, ...] | None) -> tuple[Statement, Pick]:
        """The statement that writes some columns of a row, or all of a new one, and its values."""
        found = self._writing.get(changed)
        if found is None:
            found = self._inserting() if changed is None else self._updating(changed)
            self._writing[changed] = found
        return found

    def differing(self, before: Row, row: Row) -> tuple[int, ...]:
        """The columns to write of a row that was another one before."""
        changed = tuple(compress(self._places, map(ne, before, row)))
        if changed in self._writing or len(self._writing) < _MOST_UPDATES:
            return changed
        return self._changing() if changed else ()

    def _inserting(self) -> tuple[Statement, Pick]:
        [insert] = [change for change in self.changes.values() if change.is_insert]
        return insert.statement, insert.values

    def _updating(self, changed: tuple[int, ...]) -> tuple[Statement, Pick]:
        columns, key = ([self.columns[at] for at in places] for places in (changed, self._key))
        given = ", ".join(f"{column} = :{column}" for column in columns)
        where = " AND ".join(f"{column} = :{column}" for column in key)
        text = f"UPDATE {self._name} SET {given} WHERE {where}"
        name = f"write {', '.join(columns)} of {self._name}"
        order = (*columns, *key)
        statement = Statement(
            name, "what has changed", text, text, order, frozenset(order), __name__
        )
        return statement, pick([*changed, *self._key])

    def _changing(self) -> tuple[int, ...]:
        """All columns that any statement changes."""
        updates = [change for change in self.changes.values() if not change.is_insert]
        named = {column for change in updates for column in change.columns}
        return tuple(at for at, column in enumerate(self.columns) if column in named)

    def is_open(self, row: Row) -> bool:
        """Whether somebody will ask for the row again."""
        return self.closed is None or row[self.closed] is None


class KeptRows:
    """The rows of open things of one table, as the last unit that ended well has left them."""

    def __init__(self, table: KnownTable) -> None:
        self.table = table
        self.rows: dict[RowKey, Row] = {}
        self._by_other: dict[Value, RowKey] = {}

    def find(self, value: Value) -> RowKey | None:
        """The key of the row with this value of the other column."""
        return self._by_other.get(value)

    def put(self, key: RowKey, row: Row) -> None:
        """Keep a row, or forget it where it is not open."""
        self.drop(key)
        if not self.table.is_open(row):
            return
        self.rows[key] = row
        if self.table.other is not None:
            self._by_other[row[self.table.other]] = key
        if len(self.rows) > self.table.most:
            self.drop(next(iter(self.rows)))

    def drop(self, key: RowKey) -> None:
        """Forget a row."""
        before = self.rows.pop(key, None)
        if before is not None and self.table.other is not None:
            self._by_other.pop(before[self.table.other], None)

    def clear(self) -> None:
        """Forget all rows."""
        self.rows.clear()
        self._by_other.clear()


class UnitRows:
    """The rows of one table that one unit has read or changed."""

    __slots__ = ("_by_other", "_kept", "_rows", "_table", "_unwritten")

    def __init__(self, kept: KeptRows) -> None:
        self._kept = kept
        self._table = kept.table
        self._rows: dict[RowKey, Row] = {}
        self._by_other: dict[Value, RowKey] = {}
        # What was changed, with the row that the database has; None for a new one.
        self._unwritten: dict[RowKey, Row | None] = {}

    @property
    def place(self) -> str:
        """What stands for these rows among what is unwritten."""
        return self._table.place

    def find(self, lookup: Lookup, values: Row) -> tuple[bool, Row | None]:
        """Whether it is known what a select finds, and what."""
        if lookup.key is not None:
            key: RowKey | None = lookup.key(values)
        else:
            key = self._key_of_other(values[lookup.other])
        row = None if key is None else self._rows.get(key) or self._kept.rows.get(key)
        if row is None:
            return False, None
        return True, lookup.found_in(row, values)

    def note(self, row: Row) -> None:
        """A whole row was read from the database, with nothing unwritten here."""
        key = self._table.key_of(row)
        if key not in self._kept.rows:
            self._put(key, row)

    def change(self, change: Change, values: Row) -> bool:
        """Change a row here, to be written later; False where it is not known."""
        key = change.key(values)
        if change.is_insert:
            if key in self._rows or key in self._kept.rows:
                return False  # the database says what is wrong with it
            self._put(key, change.row(values))
            self._unwritten[key] = None
            return True
        before = self._rows.get(key) or self._kept.rows.get(key)
        if before is None:
            return False
        self._put(key, change.row(before + values))
        self._unwritten.setdefault(key, before)
        return True

    def write(self, run: Run) -> None:
        """Write what was changed."""
        unwritten, self._unwritten = self._unwritten, {}
        together: dict[tuple[int, ...] | None, list[Row]] = {}
        for key, before in unwritten.items():
            row = self._rows[key]
            changed = None if before is None else self._table.differing(before, row)
            if changed != ():
                together.setdefault(changed, []).append(row)
        for changed, rows in together.items():
            statement, values = self._table.writing(changed)
            run(statement, list(map(values, rows)))

    def forget(self) -> None:
        """Rows were changed in a way that is not followed here. Nothing is unwritten."""
        self._rows.clear()
        self._by_other.clear()
        self._kept.clear()

    def keep(self) -> None:
        """The unit has ended well, and everything is written."""
        if self._table.most:
            for key, row in self._rows.items():
                self._kept.put(key, row)

    def _key_of_other(self, value: Value) -> RowKey | None:
        key = self._by_other.get(value)
        other = self._table.other
        if key is not None and other is not None and self._rows[key][other] == value:
            return key
        key = self._kept.find(value)
        # Changed in this unit, the row has another value now.
        return None if key in self._rows else key

    def _put(self, key: RowKey, row: Row) -> None:
        self._rows[key] = row
        if self._table.other is not None:
            self._by_other[row[self._table.other]] = key


def tables_of(statements: Statements, tables: Sequence[RowTable]) -> dict[str, KeptRows]:
    """For each of `tables` that the statements know, an empty set of kept rows."""
    found = {table.name: table.among(statements) for table in tables}
    return {name: KeptRows(known) for name, known in found.items() if known is not None}
