"""A disk that fails, under the very code that ships: an SQLite VFS whose writes can be refused."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from durable_workflow.server.notices import DueAt, Notice
from durable_workflow.server.store import OutcomeUnknown, StoreUnavailable, Tx
from durable_workflow.server.store.protocol import Sizes
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.sqlite._database import Database


class Disk(apsw.VFS):
    """The system's files, until `fails` names what goes wrong."""

    def __init__(self) -> None:
        self.fails: str | None = None
        self.syncs = 0
        super().__init__("failing-disk", "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return DiskFile(self, name, flags)


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.fails == "full":
            raise apsw.FullError("no space left")
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType]  # apsw's Buffer

    def xSync(self, flags: int) -> None:
        self._disk.syncs += 1
        if self._disk.fails == "sync":
            raise apsw.IOError("fsync failed")
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.unregister()


def put(name: str) -> Callable[[Tx], None]:
    def work(tx: Tx) -> None:
        tx.do("put_box", name=name, content=1, data=None)
        tx.notify(DueAt(1))

    return work


@pytest.mark.parametrize("failure", ["full", "sync"])
async def test_what_cannot_be_written_is_not_acknowledged_and_did_not_happen(
    disk: Disk,
    open_file: Callable[..., SqliteStore],
    notices: list[Notice],
    failure: str,
) -> None:
    store = open_file(vfs="failing-disk")
    await store.run(put("before"))
    notices.clear()

    disk.fails = failure
    results = await asyncio.gather(
        *[store.run(put(f"{number}")) for number in range(5)], return_exceptions=True
    )
    told = OutcomeUnknown if failure == "sync" else StoreUnavailable
    assert [type(result) for result in results] == [told] * 5
    assert notices == []
    assert not (await store.check()).available
    assert await store.read(lambda read: read.all("list_boxes")) == [("before",)]

    disk.fails = None
    await store.run(put("after"))
    assert (await store.check()).available
    assert await store.read(lambda read: read.all("list_boxes")) == [("after",), ("before",)]


@pytest.mark.parametrize("commits_again", [False, True])
async def test_what_was_not_synced_may_come_back_with_a_crash_and_is_said_to_be_unknown(
    disk: Disk, open_file: Callable[..., SqliteStore], tmp_path: Path, commits_again: bool
) -> None:
    """It is in the log, whole, until the next commit takes its place."""
    store = open_file(vfs="failing-disk")
    await store.run(put("before"))
    disk.fails = "sync"
    with pytest.raises(OutcomeUnknown):
        await store.run(put("not synced"))
    disk.fails = None
    if commits_again:
        await store.run(put("after"))

    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("boxes.db", "boxes.db-wal"):
        shutil.copyfile(tmp_path / name, crashed / name)
    connection: Any = apsw.Connection(str(crashed / "boxes.db"))
    found = {name for (name,) in connection.execute("SELECT name FROM boxes")}
    connection.close()
    assert found == {"before", "after" if commits_again else "not synced"}


@pytest.mark.parametrize("failure", ["full", "sync"])
async def test_only_what_is_written_shows_that_the_disk_is_well_again(
    disk: Disk, open_file: Callable[..., SqliteStore], failure: str
) -> None:
    store = open_file(vfs="failing-disk")
    await store.run(put("before"))
    disk.fails = failure
    with pytest.raises(OutcomeUnknown if failure == "sync" else StoreUnavailable):
        await store.run(put("refused"))
    assert await store.run(lambda tx: tx.one("find_box", name="before")) == (1, None)
    # A statement that could change rows, and finds none.
    await store.run(lambda tx: tx.do("fill_box", name="unknown", amount=1))
    assert not (await store.check()).available

    disk.fails = None
    # Nobody asks for anything: the check itself finds out.
    assert (await store.check()).available


async def test_a_small_commit_is_no_sign_of_room(
    disk: Disk, open_file: Callable[..., SqliteStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_file(vfs="failing-disk")
    await store.run(put("before"))
    disk.fails = "full"
    with pytest.raises(StoreUnavailable):
        await store.run(put("refused"))
    disk.fails = None
    free = 4096

    def sizes(_: Database) -> Sizes:
        return Sizes(database=1, log=1, free=free)

    monkeypatch.setattr(Database, "sizes", sizes)
    await store.run(put("small"))
    assert not (await store.check()).available
    free = 1024 * 1024
    assert (await store.check()).available


@pytest.mark.parametrize("failure", ["full", "sync"])
async def test_a_file_is_given_free_on_a_disk_that_fails_and_has_all_that_was_acknowledged(
    disk: Disk, open_file: Callable[..., SqliteStore], failure: str
) -> None:
    store = open_file(vfs="failing-disk")
    await store.run(put("before"))
    disk.fails = failure
    with pytest.raises(StoreUnavailable, match="cannot close the database"):
        await store.close()

    disk.fails = None
    again = open_file(vfs="failing-disk")
    assert await again.read(lambda read: read.all("list_boxes")) == [("before",)]


async def test_a_unit_that_ends_the_transaction_fails_its_whole_batch_and_nothing_else(
    open_file: Callable[..., SqliteStore], tmp_path: Path
) -> None:
    store = open_file()

    def end_it(tx: Tx) -> None:
        tx.do("give_up")
        raise RuntimeError("full")

    results = await asyncio.gather(
        store.run(put("a")), store.run(end_it), store.run(put("b")), return_exceptions=True
    )

    assert [type(result) for result in results] == [StoreUnavailable, StoreUnavailable, type(None)]
    assert await store.read(lambda read: read.all("list_boxes")) == [("b",)]


@pytest.mark.parametrize("failure", [None, "sync"])
async def test_a_unit_that_follows_another_is_committed_with_it_or_not_at_all(
    disk: Disk, open_file: Callable[..., SqliteStore], notices: list[Notice], failure: str | None
) -> None:
    followers: list[asyncio.Task[Any]] = []

    def follow(notices: Sequence[Notice]) -> list[Notice]:
        """Whoever waits for due times is told before the commit, and asks for a unit at once."""
        followers.append(
            asyncio.create_task(store.run(lambda tx: tx.one("find_box", name="first")))
        )
        return [notice for notice in notices if not isinstance(notice, DueAt)]

    store = open_file(vfs="failing-disk", dispatch_before_commit=follow)
    disk.fails = failure
    synced = disk.syncs

    first = await asyncio.gather(store.run(put("first")), return_exceptions=True)
    second = await asyncio.gather(*followers, return_exceptions=True)
    disk.fails = None

    if failure is None:
        assert [*first, *second] == [None, (1, None)]
        assert disk.syncs == synced + 1
    else:
        assert [type(each) for each in (*first, *second)] == [OutcomeUnknown] * 2
        assert await store.read(lambda read: read.all("list_boxes")) == []
    assert notices == [], "what was acted on before the commit is not told again"
