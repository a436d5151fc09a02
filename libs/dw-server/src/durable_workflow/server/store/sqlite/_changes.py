"""What one unit has changed and not written yet.

A unit changes rows in memory, and everything is written when it ends, or when it reads a table of
which something is unwritten. So each row is written once, and the events of a report and of the
claim that follows it go into the history together. A unit that raises before that has nothing to
be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from durable_workflow.server.store.errors import StatementMisused
from durable_workflow.server.store.protocol import Row, RowsOf, Value
from durable_workflow.server.store.sqlite._remembered import SETTLED, Answers, Remembered
from durable_workflow.server.store.sqlite._rows import (
    Change,
    KeptRows,
    Lookup,
    RowTable,
    UnitRows,
    pick_named,
    tables_of,
)
from durable_workflow.server.store.sqlite._shapes import (
    changed_tables,
    changes_rows,
    is_insert,
    named_tables,
    reads_rows,
    shape_of,
)
from durable_workflow.server.store.sqlite._texts import Columns, short
from durable_workflow.server.store.statements import Statement, Statements

# What a run of a thousand activities has open stays in memory; rows are one or two kilobytes.
_OPEN_RUNS: Final = 2_000
_OPEN_ACTIVITIES: Final = 4_000
# More new rows than these are written at once: they would cost more here than they save.
_MANY_ROWS: Final = 100
# More items than these make whole rows among themselves, and are not kept for the end.
_FEW_ITEMS: Final = 16
ROW_TABLES: Final = (
    RowTable("runs", ("run_id",), other="task_id", closed="closed_at", most=_OPEN_RUNS),
    RowTable(
        "activities",
        ("run_id", "sequence"),
        other="task_id",
        closed="closed_at",
        most=_OPEN_ACTIVITIES,
    ),
    # Read in the unit that writes them, by the claim of a task that is there at once.
    RowTable("run_details", ("run_id",)),
    RowTable("activity_arguments", ("run_id", "sequence")),
    RowTable("large_strings", ("run_id", "digest")),
)


class Way(msgspec.Struct, frozen=True):
    """How a statement is run.

    Attributes:
        text: What SQLite is given.
        values: Its parameters, in the order in which the text numbers them.
        tables: Tables that it names and that units change.
        count: How many there are.
        takes: Whether it takes its rows.
        lookup: How its answer is found among the rows in memory.
        change: How it changes a row in memory.
        later: Whether it may be written later as it is: it reads nothing.
        gives: The table whose whole rows it reads.
        changes: Whether it changes rows, even where it returns some.
        recalled: Whether it reads settled tables and nothing else: its answers are kept.
        unsettles: Whether it changes such a table.
    """

    statement: Statement
    text: str
    values: Callable[[Mapping[str, Value]], Row]
    count: int
    takes: bool
    tables: frozenset[str]
    lookup: Lookup | None
    change: Change | None
    later: bool
    gives: str | None
    changes: bool
    recalled: bool
    unsettles: bool

    def given(self, params: Mapping[str, Value]) -> Row:
        """The values of its parameters, in their order.

        Raises:
            StatementMisused: They are not its parameters.
        """
        try:
            values = self.values(params)
        except KeyError:
            raise self._misused(params) from None
        if len(params) != self.count:
            raise self._misused(params)
        return values

    def _misused(self, params: Mapping[str, Value]) -> StatementMisused:
        parameters = self.statement.parameters
        missing, unknown = sorted(parameters - params.keys()), sorted(params.keys() - parameters)
        return StatementMisused(f"{self.statement.name}: missing {missing}, unknown {unknown}")


class Ways(dict[str, Way]):
    """How each of a store's statements is run, and the rows that are kept between units.

    A way is made when its statement is asked for first: most servers run a part of them.

    Args:
        columns: Those of the database's tables; of a table that is missing the columns are named.

    Attributes:
        kept: The rows of open things.
        remembered: What units have remembered.
        answers: What they have read of settled tables.
        saves_space: Whether what they write should be small.
    """

    def __init__(
        self, statements: Statements, columns: Columns | None = None, *, saves_space: bool = True
    ) -> None:
        super().__init__()
        self.kept: dict[str, KeptRows] = tables_of(statements, ROW_TABLES)
        self.remembered = Remembered()
        self.answers = Answers()
        self.saves_space = saves_space
        self._statements = statements
        self._columns = columns or {}
        self._changed = changed_tables(statements)
        self._texts: dict[str, str] = {}

    def __missing__(self, name: str) -> Way:
        statement = self._statements.get(name)
        if statement is None:
            raise StatementMisused(f"there is no statement {name!r}")
        found = self[name] = self._way(statement)
        return found

    def text_of(self, statement: Statement) -> str:
        """What SQLite is given for a statement, which may be several put together."""
        found = self._texts.get(statement.name)
        if found is None:
            found = self._texts[statement.name] = short(statement, self._columns)
        return found

    def forget(self) -> None:
        """Keep no rows any more: something was not committed."""
        for kept in self.kept.values():
            kept.clear()
        self.remembered.clear()
        self.answers.clear()

    def _way(self, statement: Statement) -> Way:
        shape, name = shape_of(statement), statement.name
        tables = [kept.table for kept in self.kept.values()]
        takes = statement.holds == "take"
        lookups = [] if takes else [each.lookups[name] for each in tables if name in each.lookups]
        change = next((each.changes[name] for each in tables if name in each.changes), None)
        is_update = shape is not None and shape.verb == "update"
        in_memory = shape is not None and shape.table in self.kept
        named, changes = named_tables(statement, self._changed), changes_rows(statement)
        return Way(
            statement,
            self.text_of(statement),
            pick_named(statement.order),
            len(statement.order),
            takes,
            named,
            lookups[0] if lookups else None,
            change,
            # Of rows in memory an update that is not by their key may change some.
            is_insert(statement) or (is_update and (not in_memory or change is not None)),
            self._given(statement),
            changes,
            not changes and bool(named) and named <= SETTLED,
            changes and not named.isdisjoint(SETTLED),
        )

    def _given(self, statement: Statement) -> str | None:
        for name, kept in self.kept.items():
            if reads_rows(statement, name, kept.table.columns):
                return name
        return None


class Reading(Protocol):
    """Runs a statement in the database."""

    def __call__(self, way: Way, values: Row, /) -> list[Row]: ...


class Groups(msgspec.Struct):
    """Items that a statement is run for once they have been made into rows, group by group."""

    statement: Statement
    items: dict[tuple[RowsOf[Any, Any], Any], list[Any]]

    def rows(self) -> list[Row]:
        """The rows of all groups."""
        found: list[Row] = []
        for (rows_of, group), items in self.items.items():
            found += rows_of(group, items)
        return found


class UnitChanges:
    """The changes of one unit.

    Args:
        run: Runs a statement for each of some rows of values, in the database.
    """

    def __init__(self, ways: Ways, run: Callable[[Statement, Sequence[Row]], None]) -> None:
        self._ways = ways
        self._run = run
        self._rows: dict[str, UnitRows] = {}
        # What is to be written, in the order in which it was changed first: the rows of a table,
        # or a statement and what it is run with.
        self._unwritten: dict[str, UnitRows | tuple[Statement, list[Row]] | Groups] = {}
        self._tables: set[str] = set()
        # The settled tables that it has changed: until it ends nothing that is found there is kept.
        self._unsettled: set[str] = set()

    def answer(self, way: Way, values: Row, read: Reading) -> list[Row]:
        """What a statement finds that reads settled tables alone."""
        question = way.statement.name, values
        is_settled = self._unsettled.isdisjoint(way.tables)
        known = self._ways.answers.get(way.tables, question) if is_settled else None
        if known is None:
            self.write_before(way)
            known = read(way, values)
            if is_settled:
                self._ways.answers.put(way.tables, question, known)
        return list(known)

    def find(self, lookup: Lookup, values: Row) -> tuple[bool, Row | None]:
        """Whether it is known in memory what a statement finds, and what."""
        return self._of(lookup.table).find(lookup, values)

    def write_before(self, way: Way) -> None:
        """Make ready for a statement that is run by the database.

        Everything is written where it may read or change something of it. Rows that it may change
        are forgotten.
        """
        if way.changes:
            if way.unsettles:
                self._note_change(way)
            self.write()
            for table in way.tables & self._ways.kept.keys():
                self._of(table).forget()
        elif not self._tables.isdisjoint(way.tables):
            self.write()

    def note(self, way: Way, rows: Sequence[Row]) -> None:
        """A statement has found these rows in the database."""
        if way.gives is not None:
            table = self._of(way.gives)
            for row in rows:
                table.note(row)

    def change(self, way: Way, rows: Sequence[Row]) -> None:
        """Run a statement that changes rows, now or later."""
        change = way.change
        if change is not None and change.is_insert and len(rows) > _MANY_ROWS:
            self.write_at_once(way, way.statement, rows)
            return
        if way.unsettles:
            self._note_change(way)
        if change is not None:
            rows = self._change_in_memory(change, rows)
            if not rows:
                return
        if way.later:
            before = self._unwritten.get(way.statement.name)
            if before is None:
                before = self._unwritten[way.statement.name] = way.statement, []
            assert isinstance(before, tuple)
            before[1].extend(rows)
            self._tables |= way.tables
            return
        self.write_before(way)
        self._run(way.statement, rows)

    def add(self, way: Way, group: Any, items: Sequence[Any], rows_of: RowsOf[Any, Any]) -> None:
        """Have an insert run later for the rows of a group, of which these items are some."""
        if not way.later:
            raise StatementMisused(f"{way.statement.name!r} cannot be run later")
        if len(items) > _FEW_ITEMS:
            self.change(way, rows_of(group, items))
            return
        if way.unsettles:
            self._note_change(way)
        place = f"groups of {way.statement.name}"
        groups = self._unwritten.get(place)
        if groups is None:
            groups = self._unwritten[place] = Groups(way.statement, {})
        assert isinstance(groups, Groups)
        groups.items.setdefault((rows_of, group), []).extend(items)
        self._tables |= way.tables

    def write_at_once(self, way: Way, statement: Statement, rows: Sequence[Row]) -> None:
        """Have rows put that are not kept in memory, by the statement of `way` or another."""
        if way.unsettles:
            self._note_change(way)
        self.write()
        self._run(statement, rows)

    def write(self) -> None:
        """Write everything that is unwritten."""
        if not self._unwritten:
            return
        unwritten, self._unwritten = self._unwritten, {}
        self._tables = set()
        for what in unwritten.values():
            if isinstance(what, UnitRows):
                what.write(self._run)
            elif isinstance(what, Groups):
                self._run(what.statement, what.rows())
            else:
                self._run(*what)

    def keep(self) -> None:
        """The unit has ended well: its rows are kept for the next ones."""
        for rows in self._rows.values():
            rows.keep()

    def end(self) -> None:
        """Run nothing any more: the unit has ended, however it did."""
        self._run = _run_nothing

    def _note_change(self, way: Way) -> None:
        """A statement changes settled tables."""
        changed = way.tables & SETTLED
        self._unsettled |= changed
        self._ways.answers.forget(changed)

    def _of(self, table: str) -> UnitRows:
        rows = self._rows.get(table)
        if rows is None:
            rows = self._rows[table] = UnitRows(self._ways.kept[table])
        return rows

    def _change_in_memory(self, change: Change, rows: Sequence[Row]) -> list[Row]:
        """Change rows in memory; those that are not known there are left."""
        table = self._of(change.table)
        left: list[Row] = []
        for values in rows:
            if not table.change(change, values):
                left.append(values)
        if len(left) < len(rows):
            self._unwritten.setdefault(table.place, table)
            self._tables.add(change.table)
        return left


def _run_nothing(statement: Statement, rows: Sequence[Row]) -> None:
    del rows
    raise StatementMisused(f"{statement.name}: the unit of work has ended")
