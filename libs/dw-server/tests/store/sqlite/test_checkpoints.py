"""Folding the log into the database: beside the commits, and never at their expense."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.server.store import StoreUnavailable
from durable_workflow.server.store.sqlite import Committer, SqliteStore, _checkpoints
from durable_workflow.server.store.sqlite._committer import CommitPace
from durable_workflow.server.store.sqlite._connection import Connection, Executing
from durable_workflow.server.store.sqlite._database import Database

Open = Callable[..., SqliteStore]
Work = Callable[[], None]
_DUE = 20


class Held(Committer):
    """Keeps what is to be run apart until the test runs it."""

    def __init__(self, cursor: Executing) -> None:
        super().__init__(cursor)
        self.works: list[Work] = []

    def run_apart(self, work: Work) -> None:
        self.works.append(work)

    def run(self) -> None:
        works, self.works = self.works, []
        for work in works:
            work()


class Log:
    """A store whose log is due after a few pages, with what has become of the log."""

    def __init__(self, open_file: Open, folder: Path) -> None:
        self.held: list[Held] = []
        self._path = folder / "boxes.db"
        self.store = open_file(make_committer=self._make, checkpoint_pages=_DUE)
        self._put = 0

    @property
    def apart(self) -> Held:
        return self.held[0]

    def _make(self, cursor: Executing) -> Held:
        self.held.append(Held(cursor))
        return self.held[0]

    async def commit(self, pages: int = 1) -> None:
        """Commit so many pages, and a few more."""
        name, self._put = f"box-{self._put:04}", self._put + 1
        data = b"x" * (2000 * pages)
        await self.store.run(lambda tx: tx.do("put_box", name=name, content=0, data=data))

    def in_the_file(self) -> int:
        """How many boxes are found without the log."""
        copy = self._path.with_name("copy.db")
        copy.write_bytes(self._path.read_bytes())
        with closing(sqlite3.connect(copy)) as found:
            found.execute("PRAGMA journal_mode = DELETE")
            tables = found.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'boxes'")
            if tables.fetchone() == (0,):
                return 0
            return int(found.execute("SELECT count(*) FROM boxes").fetchone()[0])

    def pages(self) -> int:
        """How many pages the log has that count, as the last commit has left it."""
        checkpoints: Any = self.store._checkpoints  # pyright: ignore[reportPrivateUsage]
        return int(checkpoints._pages)

    @contextmanager
    def being_read(self) -> Generator[None]:
        """Meanwhile nothing can be copied that is committed from now on."""
        database = self.store._database  # pyright: ignore[reportPrivateUsage]
        with closing(database.connect()) as reader:
            reader.execute("BEGIN").fetchall()
            found = reader.execute("SELECT name FROM boxes").fetchall()
            yield
            assert reader.execute("SELECT name FROM boxes").fetchall() == found
            reader.execute("COMMIT").fetchall()


@pytest.fixture
def log(open_file: Open, tmp_path: Path) -> Log:
    return Log(open_file, tmp_path)


async def test_a_long_log_is_copied_beside_the_commits_and_begins_anew(log: Log) -> None:
    await log.commit(_DUE)
    assert len(log.apart.works) == 1
    before = log.in_the_file()
    with log.being_read():  # as if they came while it is copied
        # Until it is copied commits go on, and do not ask a second time.
        for _ in range(3):
            await log.commit()
        assert len(log.apart.works) == 1
        assert log.in_the_file() == before
        log.apart.run()
    pages = log.pages()
    await log.commit()  # copies the rest: itself
    assert log.in_the_file() == 5
    assert log.pages() > pages
    await log.commit()
    assert log.pages() < _DUE
    assert log.apart.works == []


async def test_a_log_that_was_copied_to_its_end_begins_anew_at_once(log: Log) -> None:
    await log.commit(_DUE)
    log.apart.run()
    await log.commit()
    assert log.pages() < _DUE
    # Nothing is left to be copied of it, and the next one is not copied before it is due.
    assert log.in_the_file() == 1
    await log.commit()
    assert (log.in_the_file(), log.apart.works) == (1, [])


async def test_a_large_rest_is_copied_beside_the_commits_too(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_checkpoints, "_REST", 10)
    await log.commit(_DUE)
    with log.being_read():
        await log.commit(15)
        log.apart.run()
    pages = log.pages()
    await log.commit()
    assert log.pages() > pages
    assert len(log.apart.works) == 1
    log.apart.run()
    assert log.in_the_file() == 3
    await log.commit()
    assert log.pages() < _DUE


async def test_a_very_long_log_is_copied_by_the_commit(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_checkpoints, "_LONGEST", 60)
    for _ in range(3):
        await log.commit(_DUE)
    assert log.in_the_file() == 3
    await log.commit()
    assert log.pages() < _DUE


async def test_what_cannot_be_copied_fails_no_commit_and_is_tried_again(
    log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Database) -> Connection:
        raise StoreUnavailable("cannot open on purpose")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(Database, "connect", broken)
        for _ in range(3):
            await log.commit(_DUE)
            assert len(log.apart.works) == 1
            log.apart.run()
    assert [text for text in caplog.messages if "on purpose" in text] == [
        "could not fold the log into the database: cannot open on purpose"
    ]
    await log.commit()
    log.apart.run()
    assert log.in_the_file() == 4


async def test_where_no_thread_can_be_started_units_are_answered_all_the_same(
    log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(work: Work) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(log.store._checkpoints, "_run_apart", refused)  # pyright: ignore[reportPrivateUsage]
        for _ in range(3):
            await log.commit(_DUE)
    assert [text for text in caplog.messages if "new thread" in text] == [
        "could not fold the log into the database: can't start new thread"
    ]
    await log.commit()
    log.apart.run()
    assert log.in_the_file() == 4


async def test_a_copy_that_gets_nowhere_is_not_tried_again_at_once(log: Log) -> None:
    await log.commit(_DUE)
    log.apart.run()
    with log.being_read():
        await log.commit(_DUE)
        await log.commit(_DUE)
        log.apart.run()
        tried = 0
        for _ in range(10):
            await log.commit()
            tried += len(log.apart.works)
            log.apart.run()
        assert tried <= 1


async def test_a_read_that_lasts_keeps_the_log_and_others_go_on(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_checkpoints, "_AGAIN", 30)
    await log.commit()
    with log.being_read():
        await log.commit(_DUE)
        log.apart.run()
        await log.commit()
        # It has tried all that it could, and waits until it is worth it.
        await log.commit()
        assert log.apart.works == []
    await log.commit(30)
    log.apart.run()
    assert log.in_the_file() == 5
    await log.commit()
    assert log.pages() < _DUE


async def test_a_commit_that_copies_the_rest_is_made_in_the_thread(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However quick the disk was: the loop goes on meanwhile."""

    def trusts(pace: CommitPace, units: int) -> bool:
        return True

    monkeypatch.setattr(CommitPace, "on_the_spot", trusts)
    in_the_thread: list[int] = []
    commit = log.apart.commit

    def noted(done: Any) -> None:
        in_the_thread.append(log.pages())
        commit(done)

    monkeypatch.setattr(log.apart, "commit", noted)
    await log.commit(_DUE)
    with log.being_read():
        await log.commit()
        log.apart.run()
    assert in_the_thread == []
    await log.commit()
    assert len(in_the_thread) == 1
    await log.commit()
    assert len(in_the_thread) == 1


async def test_a_store_that_closes_has_it_ended_and_leaves_no_log(
    open_file: Open, tmp_path: Path
) -> None:
    store = open_file(checkpoint_pages=5)

    def put(number: int) -> Any:
        data = b"x" * 20_000
        return store.run(lambda tx: tx.do("put_box", name=f"{number}", content=0, data=data))

    for number in range(50):
        await put(number)
    await store.close()
    assert not (tmp_path / "boxes.db-wal").exists()
    with closing(sqlite3.connect(tmp_path / "boxes.db")) as found:
        assert found.execute("SELECT count(*) FROM boxes").fetchall() == [(50,)]
        assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_in_memory_there_is_no_log(
    open_sqlite: Open, box_statements: Any, box_migrations: Any
) -> None:
    store = open_sqlite(statements=box_statements, migrations=box_migrations, checkpoint_pages=1)
    await store.run(lambda tx: tx.do("put_box", name="first", content=1, data=b"x" * 20_000))
    assert await store.read(lambda read: len(read.all("list_boxes"))) == 1
