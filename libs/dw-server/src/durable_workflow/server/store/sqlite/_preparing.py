"""Units of work that take long: prepared in slices, and then written in slices, as one unit.

A completion of a thousand commands takes a fifth of a second to read, to decide and to encode.
While a unit runs nobody else is served. So such a unit is first run against what is committed, a
slice at a time, with others between them: what it reads is noted, and what it would write is only
kept. The unit that follows reads the same again. Where nothing has changed it writes what was kept,
as if all of it had been run in this moment; else the preparation is thrown away. Until then nothing
is in the store, so nobody sees half of it, and a crash or a caller that goes away leaves nothing.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from durable_workflow.server.notices import Notice
from durable_workflow.server.slices import Slices
from durable_workflow.server.store.protocol import (
    G,
    Key,
    Read,
    RecallKey,
    Row,
    RowsOf,
    Tx,
    Value,
)
from durable_workflow.server.store.sqlite._changes import Way, Ways
from durable_workflow.server.store.sqlite._rows import Change, Lookup, RowKey
from durable_workflow.server.store.sqlite._shapes import is_insert
from durable_workflow.server.store.sqlite._staging import Stage, StagedRows
from durable_workflow.server.store.sqlite._transaction import Line, SqliteTx

T = TypeVar("T")

# How long others wait for a slice.
_SLICE_SECONDS: Final = 0.002
# Rows that are written between two pauses: of the widest table that takes two milliseconds.
_PIECE: Final = 200


class NotPreparable(BaseException):
    """The unit does what cannot be kept for later: it has to be run whole.

    No `Exception`: a unit must not take it for an error of its own.
    """


class Outdated(Exception):
    """What the preparation has read is not so any more."""


class Reading(Protocol):
    """Runs something on a snapshot of what is committed."""

    def __call__(self, work: Callable[[Read], T], /) -> Awaitable[T]: ...


class RunningUnits(Protocol):
    """Runs a unit, in its turn with those of others."""

    def __call__(self, work: Callable[[SqliteTx], T], /) -> Awaitable[T]: ...


class _Answer(NamedTuple):
    """What a statement has found."""

    statement: str
    params: dict[str, Value]
    rows: list[Row]
    is_first: bool

    def holds(self, tx: Read) -> bool:
        """Whether it still finds this."""
        if not self.is_first:
            return tx.all(self.statement, **self.params) == self.rows
        row = tx.one(self.statement, **self.params)
        return ([] if row is None else [row]) == self.rows


class _Write:
    """A statement with the rows of values that it is to be run with.

    Attributes:
        staged: Those of them that are staged, the rest being `rows`.
    """

    __slots__ = ("rows", "staged", "way")

    def __init__(self, way: Way, rows: Sequence[Row]) -> None:
        self.way = way
        self.rows = list(rows)
        self.staged: list[StagedRows] = []


def _is_staged(write: _Write) -> bool:
    return len(write.rows) > _PIECE and is_insert(write.way.statement)


class _NewRows:
    """The rows that a unit would put into tables of which it changes nothing else."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[RowKey, tuple[Change, Row]]] = {}

    def put(self, change: Change, rows: Sequence[Row]) -> None:
        """It would put these."""
        known = self._rows.setdefault(change.table, {})
        for values in rows:
            known[change.key(values)] = change, values

    def find(self, lookup: Lookup, values: Row) -> tuple[bool, Row | None]:
        """Whether a row that a select looks for by its key is one of them, and what is found."""
        key = None if lookup.key is None else lookup.key(values)
        found = None if key is None else self._rows.get(lookup.table, {}).get(key)
        if found is None:
            return False, None
        change, put = found
        return True, lookup.found_in(change.row(put), values)


class PreparedTx:
    """The transaction of a unit that is being prepared.

    Attributes:
        now: When the preparation began. The unit counts as run at this time: what it has read was
            so until its end.
        view: The snapshot that the current slice reads.
        saves_space: As of every unit.
    """

    def __init__(self, ways: Ways, now: int, new_id: Callable[[int], str]) -> None:
        self.now = now
        self.saves_space = ways.saves_space
        self.view: Read | None = None
        self._ways = ways
        self._new_id = new_id
        self._keys: list[Key] = []
        self._answers: list[_Answer] = []
        self._writes: list[_Write] = []
        self._new = _NewRows()
        # Tables with new rows, and those that are changed in a way that is not followed here.
        self._extended: frozenset[str] = frozenset()
        self._changed: frozenset[str] = frozenset()
        self._notices: list[Notice] = []
        self._lines: list[Line] = []
        self._remembered: dict[RecallKey, object] = {}

    def one(self, statement: str, /, **params: Value) -> Row | None:
        """Run a named statement; its first row, or None."""
        way = self._ways[statement]
        if way.lookup is not None and self._finds_new(way, way.lookup):
            is_new, new = self._new.find(way.lookup, way.given(params))
            if is_new:
                return new
            row = self._view().one(statement, **params)
        else:
            row = self._readable(way).one(statement, **params)
        self._answers.append(_Answer(statement, params, [] if row is None else [row], True))
        return row

    def all(self, statement: str, /, **params: Value) -> list[Row]:
        """Run a named statement; all its rows."""
        rows = self._readable(self._ways[statement]).all(statement, **params)
        self._answers.append(_Answer(statement, params, rows, False))
        return rows

    def recall(self, key: RecallKey, /) -> Any:
        """None: what is remembered may be ahead of what is committed."""
        del key

    def remember(self, key: RecallKey, value: object, /) -> None:
        """Have `value` recalled by the units that follow."""
        self._remembered[key] = value

    def take(self, statement: str, /, *, most: int, **params: Value) -> list[Row]:
        """Rows cannot be held over slices."""
        raise NotPreparable(statement)

    def lock(self, key: Key, /) -> None:
        """Have `key` locked before everything else of the unit."""
        self._keys.append(key)

    def do(self, statement: str, /, **params: Value) -> None:
        """Keep a statement that changes rows."""
        way = self._ways[statement]
        self._keep(way, [way.given(params)])

    def do_many(self, statement: str, rows: Sequence[Row], /) -> None:
        """Keep a statement that is run once for each row of values."""
        self._keep(self._ways[statement], rows)

    def do_together(
        self, statement: str, group: G, items: Sequence[T], rows_of: RowsOf[G, T], /
    ) -> None:
        """Keep a statement that is run once for each row of a group."""
        self.do_many(statement, rows_of(group, items))

    def new_id(self) -> str:
        """A new identifier."""
        return self._new_id(self.now)

    def notify(self, notice: Notice, /) -> None:
        """Have `notice` published after the unit is committed."""
        self._notices.append(notice)

    def say(self, level: int, text: str, /, *args: object, **ids: str) -> None:
        """Have a line logged after the unit is committed."""
        self._lines.append(Line(level, text, args, ids))

    def check(self, tx: Tx) -> None:
        """Lock what was locked, and see that everything that was read is still so.

        Raises:
            Outdated: It is not.
        """
        for key in self._keys:
            tx.lock(key)
        if not all(answer.holds(tx) for answer in self._answers):
            raise Outdated

    def puts_many(self) -> bool:
        """Whether any statement is an insert of so many rows that they are better staged."""
        return any(map(_is_staged, self._writes))

    async def stage(self, stage: Stage, run: RunningUnits) -> None:
        """Have the rows of large inserts staged, some in each unit, and let go of them here."""
        self._new = _NewRows()
        await run(stage.empty)
        for write in filter(_is_staged, self._writes):
            while write.rows:
                some, write.rows = write.rows[:_PIECE], write.rows[_PIECE:]
                put = functools.partial(stage.put, way=write.way, rows=some)
                write.staged.append(await run(put))

    def write(self, tx: SqliteTx, stage: Stage | None) -> Slices[None]:
        """Do what was kept, with a pause after some rows."""
        for write in self._writes:
            way, rows = write.way, write.rows
            for first, last in write.staged:
                assert stage is not None
                tx.put_from_aside(way, stage.inserting(way), first, last)
                yield
            for at in range(0, len(rows), _PIECE):
                tx.do_many(way.statement.name, rows[at : at + _PIECE])
                if len(rows) > _PIECE:
                    tx.write_out()
                    yield
        for key, value in self._remembered.items():
            tx.remember(key, value)
        for notice in self._notices:
            tx.notify(notice)
        for level, text, args, ids in self._lines:
            tx.say(level, text, *args, **ids)

    def _finds_new(self, way: Way, lookup: Lookup) -> bool:
        """Whether a select of one row by its key is sure to find what is not written."""
        is_by_key, others = lookup.key is not None, way.tables - {lookup.table}
        return (
            is_by_key and self._changed.isdisjoint(way.tables) and self._extended.isdisjoint(others)
        )

    def _readable(self, way: Way) -> Read:
        if way.changes or not (self._changed | self._extended).isdisjoint(way.tables):
            # It changes something at once, or would have to see what is not written.
            raise NotPreparable(way.statement.name)
        return self._view()

    def _view(self) -> Read:
        assert self.view is not None
        return self.view

    def _keep(self, way: Way, rows: Sequence[Row]) -> None:
        """Keep rows for a statement, with those that it has already where the order allows it."""
        if way.change is not None and way.change.is_insert:
            self._extended |= way.tables
            self._new.put(way.change, rows)
        else:
            self._changed |= way.tables
        for write in reversed(self._writes):
            if write.way is way:
                write.rows.extend(rows)
                return
            if not write.way.tables.isdisjoint(way.tables):
                break
        self._writes.append(_Write(way, rows))


class Preparation(Generic[T]):
    """One attempt to prepare a unit.

    Args:
        work: The unit.
        tx: Keeps what it reads and writes.
    """

    def __init__(self, work: Callable[[Tx], Slices[T]], tx: PreparedTx) -> None:
        self._tx = tx
        self._slices = work(tx)
        self._ended: list[T] = []
        self._error: Exception | None = None

    async def run(self, read: Reading) -> None:
        """Run the unit to its end, with others between the slices.

        Raises:
            NotPreparable: It has to be run whole.
        """
        more = True
        while more:
            more = await read(self._run_slice)
            await asyncio.sleep(0)  # others have their turn

    def puts_many(self) -> bool:
        """Whether it puts so many rows that they are better staged."""
        return self._error is None and self._tx.puts_many()

    async def stage(self, stage: Stage, run: RunningUnits) -> None:
        """Stage the rows of its large inserts."""
        await self._tx.stage(stage, run)

    def settle(self, tx: SqliteTx, stage: Stage | None) -> Slices[T]:
        """The unit itself, after it was prepared: write what was kept.

        Args:
            stage: Has the rows that were staged.

        Raises:
            Outdated: Something that it depends on has changed meanwhile.
            Exception: What the unit has raised.
        """
        self._tx.check(tx)
        if self._error is not None:
            raise self._error
        yield from self._tx.write(tx, stage)
        return self._ended[0]

    def _run_slice(self, read: Read) -> bool:
        """Run it for a while; whether there is more of it."""
        until = time.perf_counter() + _SLICE_SECONDS
        self._tx.view = read
        try:
            while time.perf_counter() < until:
                next(self._slices)
        except StopIteration as end:
            self._ended.append(end.value)
            return False
        except Exception as error:  # noqa: BLE001  raised in the caller, if it is still so then
            self._error = error
            return False
        finally:
            self._tx.view = None
        return True
