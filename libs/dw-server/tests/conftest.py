"""What all tests of the server share: a store in memory, a clock that is told, ids that repeat.

A store may do more with a unit than SQLite's does: run it again, report errors late, find that
another server holds a key. The *modes* here make it so, so that what is above the store is tested
against all that a store may do (``store/protocol.py``), whichever database it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.figures import CommitFigures
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.notices import Notice
from durable_workflow.server.slices import Slices, at_once
from durable_workflow.server.store import Conflict
from durable_workflow.server.store.protocol import (
    Condition,
    Key,
    Read,
    RecallKey,
    Row,
    RowsOf,
    Sizes,
    Store,
    Tx,
    Value,
)
from durable_workflow.server.store.schema import Migration, load_migrations
from durable_workflow.server.store.search import RunKey, RunSearch
from durable_workflow.server.store.sqlite import Committer, MakeCommits, SqliteStore
from durable_workflow.server.store.statements import (
    Statement,
    Statements,
    load_statements,
    parse_statements,
)

# The stores themselves are tested on a small schema of the tests' own.
SCHEMA = """
CREATE TABLE boxes (name TEXT PRIMARY KEY, content INTEGER NOT NULL, data BLOB);
CREATE TABLE labels (box TEXT NOT NULL REFERENCES boxes (name), text TEXT NOT NULL);
"""
QUERIES = """
-- put_box: a new box; breaks a rule if the name is taken.
INSERT INTO boxes (name, content, data) VALUES (:name, :content, :data);
-- fill_box: adds :amount to the box.
UPDATE boxes SET content = content + :amount WHERE name = :name;
-- find_box: the content and the data of one box.
SELECT content, data FROM boxes WHERE name = :name;
-- empty_boxes: takes everything away, and says what it was.
DELETE FROM boxes RETURNING name;
-- list_boxes: names, in order.
SELECT name FROM boxes ORDER BY name;
-- take_boxes [take]: the fullest boxes.
SELECT name FROM boxes ORDER BY content DESC, name LIMIT :most
{skip};
-- {skip}: nobody else has any.
-- Nothing;
-- {lock}: nobody else has any.
-- Nothing;
-- lock_box [lock]: the content of one box.
SELECT content FROM boxes WHERE name = :name
{lock};
-- label_box: breaks a rule if there is no such box.
INSERT INTO labels (box, text) VALUES (:box, :text);
-- journal_mode: how changes are written.
PRAGMA journal_mode;
-- synchronous: what is synced.
PRAGMA synchronous;
-- fold_often: has the log folded into the file after every few pages.
PRAGMA wal_autocheckpoint = 20;
-- foreign_keys: whether references are checked.
PRAGMA foreign_keys;
-- give_up: ends the transaction, as SQLite does by itself when the disk is full.
ROLLBACK;
-- broken: names a table that does not exist.
SELECT 1 FROM nowhere;
"""

T = TypeVar("T")
G = TypeVar("G")
Work: TypeAlias = Callable[[Tx], T]


class PassingTx:
    """A unit's transaction, with all that is asked of it passed on."""

    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self.now = tx.now
        self.saves_space = tx.saves_space

    def recall(self, key: RecallKey, /) -> Any:
        return self.tx.recall(key)

    def remember(self, key: RecallKey, value: object, /) -> None:
        self.tx.remember(key, value)

    def one(self, statement: str, /, **params: Value) -> Row | None:
        return self.tx.one(statement, **params)

    def all(self, statement: str, /, **params: Value) -> list[Row]:
        return self.tx.all(statement, **params)

    def lock(self, key: Key, /) -> None:
        self.tx.lock(key)

    def take(self, statement: str, /, *, most: int, **params: Value) -> list[Row]:
        return self.tx.take(statement, most=most, **params)

    def do(self, statement: str, /, **params: Value) -> None:
        self.tx.do(statement, **params)

    def do_many(self, statement: str, rows: Sequence[Row], /) -> None:
        self.tx.do_many(statement, rows)

    def do_together(
        self, statement: str, group: G, items: Sequence[T], rows_of: RowsOf[G, T], /
    ) -> None:
        self.tx.do_together(statement, group, items, rows_of)

    def new_id(self) -> str:
        return self.tx.new_id()

    def notify(self, notice: Notice, /) -> None:
        self.tx.notify(notice)

    def say(self, level: int, text: str, /, *args: object, **ids: str) -> None:
        self.tx.say(level, text, *args, **ids)


class LateTx(PassingTx):
    """Keeps what changes rows until something is read, or until the end: errors come late."""

    def __init__(self, tx: Tx) -> None:
        super().__init__(tx)
        self._kept: list[Callable[[], None]] = []

    def one(self, statement: str, /, **params: Value) -> Row | None:
        self.flush()
        return super().one(statement, **params)

    def all(self, statement: str, /, **params: Value) -> list[Row]:
        self.flush()
        return super().all(statement, **params)

    def take(self, statement: str, /, *, most: int, **params: Value) -> list[Row]:
        self.flush()
        return super().take(statement, most=most, **params)

    def do(self, statement: str, /, **params: Value) -> None:
        self._kept.append(lambda: self.tx.do(statement, **params))

    def do_many(self, statement: str, rows: Sequence[Row], /) -> None:
        copied = list(rows)
        self._kept.append(lambda: self.tx.do_many(statement, copied))

    def do_together(
        self, statement: str, group: G, items: Sequence[T], rows_of: RowsOf[G, T], /
    ) -> None:
        copied = list(items)
        self._kept.append(lambda: self.tx.do_together(statement, group, copied, rows_of))

    def flush(self) -> None:
        kept, self._kept = self._kept, []
        for do in kept:
            do()


class ConflictingTx(PassingTx):
    """Finds each key held by somebody else, once, unless it was locked before all else."""

    def __init__(self, tx: Tx, first: Sequence[Key]) -> None:
        super().__init__(tx)
        self.wanted = list(first)
        for key in sorted(first, key=lambda key: key.place):
            tx.lock(key)

    def lock(self, key: Key, /) -> None:
        if key not in self.wanted and len(self.wanted) < _MOST_CONFLICTS:
            self.wanted.append(key)
            raise Conflict(f"{key} is held elsewhere")
        super().lock(key)


# Of one unit: it is run again for each.
_MOST_CONFLICTS = 20


class ModeStore:
    """A store that gives its units only what every store promises."""

    def __init__(self, store: SqliteStore, mode: str) -> None:
        self._store = store
        self._wrap = {"twice": _twice, "late": _late, "conflict": _in_conflict}[mode]

    async def run(
        self, work: Work[T], /, *, keys: Sequence[Key] = (), unhurried: bool = False
    ) -> T:
        return await self._store.run(self._wrap(work, keys), keys=keys, unhurried=unhurried)

    async def run_in_slices(self, work: Callable[[Tx], Slices[T]], /) -> T:
        return await self.run(lambda tx: at_once(work(tx)))

    async def read(self, work: Callable[[Read], T], /) -> T:
        return await self._store.read(work)

    async def read_apart(self, work: Callable[[Read], T], /) -> T:
        return await self._store.read_apart(work)

    def sizes(self) -> Sizes | None:
        return self._store.sizes()

    def is_full(self) -> bool:
        return self._store.is_full()

    async def search(self, search: RunSearch, /) -> list[RunKey]:
        return await self._store.search(search)

    async def check(self) -> Condition:
        return await self._store.check()

    async def close(self) -> None:
        await self._store.close()


def _twice(work: Work[T], keys: Sequence[Key]) -> Work[T]:
    """Has every unit run twice; the first time is taken back."""
    first = True

    def run(tx: Tx) -> T:
        nonlocal first
        again, first = not first, False
        try:
            result = work(tx)
        except Exception as error:
            if again:
                raise
            raise Conflict("for the test") from error
        if again:
            return result
        raise Conflict("for the test")

    return run


def _late(work: Work[T], keys: Sequence[Key]) -> Work[T]:
    """Has errors come late."""

    def run(tx: Tx) -> T:
        late = LateTx(tx)
        result = work(late)
        late.flush()
        return result

    return run


def _in_conflict(work: Work[T], keys: Sequence[Key]) -> Work[T]:
    """Has each key held elsewhere when it is locked first."""
    known = list(keys)

    def run(tx: Tx) -> T:
        nonlocal known
        conflicting = ConflictingTx(tx, known)
        known = conflicting.wanted
        return work(conflicting)

    return run


MODES = ["plain", "twice", "late", "conflict"]


def in_mode(store: SqliteStore, mode: str) -> Store:
    """`store` as it is, or in a mode."""
    return store if mode == "plain" else ModeStore(store, mode)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ids() -> UlidSource:
    return UlidSource(seed=1)


@pytest.fixture
async def turns() -> AsyncIterator[Callable[[], int]]:
    """Tells how many turns the event loop has given to others than the test."""
    taken = 0

    async def count() -> None:
        nonlocal taken
        while True:
            taken += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    yield lambda: taken
    counting.cancel()


@pytest.fixture
def notices() -> list[Notice]:
    """What the store of this test published, in order."""
    return []


@pytest.fixture
async def open_sqlite(
    clock: ManualClock, ids: UlidSource, notices: list[Notice]
) -> AsyncIterator[Callable[..., SqliteStore]]:
    """Opens SQLite stores, and closes those that the test left open."""
    opened: list[SqliteStore] = []

    def publish(published: Sequence[Notice]) -> None:
        notices.extend(published)

    def open_store(
        location: str = ":memory:",
        *,
        statements: Statements | None = None,
        migrations: list[Migration] | None = None,
        max_waiting: int = 5_000,
        vfs: str | None = None,
        dispatch_before_commit: Callable[[Sequence[Notice]], Sequence[Notice]] = lambda notices: (
            notices
        ),
        figures: CommitFigures | None = None,
        make_committer: MakeCommits = Committer,
        checkpoint_pages: int = 4_000,
    ) -> SqliteStore:
        store = SqliteStore(
            location,
            statements=load_statements("sqlite") if statements is None else statements,
            migrations=load_migrations("sqlite") if migrations is None else migrations,
            clock=clock,
            ids=ids,
            publish=publish,
            max_waiting=max_waiting,
            vfs=vfs,
            dispatch_before_commit=dispatch_before_commit,
            figures=figures,
            make_committer=make_committer,
            checkpoint_pages=checkpoint_pages,
        )
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        await store.close()


@pytest.fixture
def put_in_mode() -> Callable[[SqliteStore, str], Store]:
    """Puts a store in one of the `MODES`."""
    return in_mode


@pytest.fixture
def store(open_sqlite: Callable[..., SqliteStore]) -> SqliteStore:
    """The real schema, empty, in memory."""
    return open_sqlite()


@pytest.fixture
def box_sources() -> tuple[str, str]:
    """The schema and the statements as text, for another process."""
    return SCHEMA, QUERIES


@pytest.fixture
def box_statements() -> dict[str, Statement]:
    return {statement.name: statement for statement in parse_statements(QUERIES, "boxes.sql")}


@pytest.fixture
def box_migrations() -> list[Migration]:
    return [Migration(1, "boxes", SCHEMA)]


@pytest.fixture
def open_file(
    open_sqlite: Callable[..., SqliteStore],
    box_statements: dict[str, Statement],
    box_migrations: list[Migration],
    tmp_path: Path,
) -> Callable[..., SqliteStore]:
    """Opens the SQLite file of this test, with the boxes in it."""

    def open_store(**options: object) -> SqliteStore:
        location = str(tmp_path / "boxes.db")
        wanted = {"statements": box_statements, "migrations": box_migrations, **options}
        return open_sqlite(location, **wanted)

    return open_store


@pytest.fixture(params=[f"{kind}-{mode}" for kind in ("memory", "file") for mode in MODES])
def box_store(
    request: pytest.FixtureRequest,
    open_sqlite: Callable[..., SqliteStore],
    open_file: Callable[..., SqliteStore],
    box_statements: dict[str, Statement],
    box_migrations: list[Migration],
) -> Store:
    """Each store of ours in turn, in each mode. A new kind of store is one more parameter here."""
    kind, mode = request.param.split("-")
    if kind == "file":
        return in_mode(open_file(max_waiting=50), mode)
    store = open_sqlite(statements=box_statements, migrations=box_migrations, max_waiting=50)
    return in_mode(store, mode)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Awaitable[None]]:
    """Lets so many seconds of the event loop pass at once, and does what falls due meanwhile."""

    async def passed(seconds: float) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time
        monkeypatch.setattr(loop, "time", lambda: before() + seconds)
        await asyncio.sleep(0.001)  # behind all that is due

    return passed
