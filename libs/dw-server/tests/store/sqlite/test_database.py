from __future__ import annotations

import errno
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from durable_workflow.server.store import StoreLocked, StoreUnavailable, StoreUnusable, Tx
from durable_workflow.server.store.schema import Migration, load_migrations
from durable_workflow.server.store.sqlite import FileLock, SqliteStore
from durable_workflow.server.store.sqlite._database import MEMORY, Database


def put(name: str) -> Callable[[Tx], None]:
    return lambda tx: tx.do("put_box", name=name, content=1, data=None)


async def test_the_settings_that_durability_rests_on(open_file: Callable[[], SqliteStore]) -> None:
    store = open_file()

    def settings(tx: Tx) -> list[Any]:
        return [tx.one(name) for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert await store.run(settings) == [("wal",), (2,), (1,)]  # 2 is FULL


def test_only_what_no_other_thread_can_have_is_used_without_locks(tmp_path: Path) -> None:
    def has_locks(location: str) -> bool:
        database = Database(location, load_migrations("sqlite"), now=0, vfs=None)
        try:
            return not database.writer.open_flags & apsw.SQLITE_OPEN_NOMUTEX
        finally:
            database.close()

    assert has_locks(str(tmp_path / "state.db"))
    assert not has_locks(MEMORY)


async def test_what_was_acknowledged_is_there_after_a_restart(
    open_file: Callable[[], SqliteStore], tmp_path: Path
) -> None:
    store = open_file()
    await store.run(put("a"))
    await store.close()
    assert not (tmp_path / "boxes.db-wal").exists()

    again = open_file()
    assert await again.read(lambda read: read.all("list_boxes")) == [("a",)]


async def test_a_second_server_is_refused_while_the_first_has_the_file(
    open_file: Callable[[], SqliteStore], tmp_path: Path
) -> None:
    store = open_file()
    with pytest.raises(StoreLocked, match=r"served by another dw-server \(process \d+\)"):
        open_file()

    await store.close()
    await open_file().run(put("a"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the names of open files")
@pytest.mark.parametrize("replaced", [False, True], ids=["deleted", "replaced"])
@pytest.mark.parametrize("file", ["boxes.db", "boxes.db-wal", "boxes.db.lock"])
async def test_nothing_is_accepted_into_files_that_no_restart_would_find(
    open_file: Callable[[], SqliteStore], tmp_path: Path, file: str, replaced: bool
) -> None:
    store = open_file()
    await store.run(put("a"))
    (tmp_path / file).rename(tmp_path / "aside")
    if replaced:
        (tmp_path / file).write_bytes((tmp_path / "aside").read_bytes())

    with pytest.raises(StoreUnavailable, match=f"{file} was deleted or replaced"):
        await store.run(put("b"))
    condition = await store.check()
    assert not condition.available
    assert condition.message is not None
    assert file in condition.message

    (tmp_path / "aside").rename(tmp_path / file)
    await store.run(put("c"))
    assert (await store.check()).available
    assert await store.read(lambda read: read.all("list_boxes")) == [("a",), ("c",)]


async def test_another_name_of_the_same_file_is_the_same_file(
    open_sqlite: Callable[..., SqliteStore], tmp_path: Path
) -> None:
    open_sqlite(str(tmp_path / "real.db"), statements={}, migrations=[])
    (tmp_path / "alias.db").symlink_to(tmp_path / "real.db")

    with pytest.raises(StoreLocked):
        open_sqlite(str(tmp_path / "alias.db"), statements={}, migrations=[])


def test_a_killed_server_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from durable_workflow.server.store.sqlite._lock import FileLock\n"
        f"lock = FileLock(Path({str(tmp_path / 'x.db')!r}))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9

    FileLock(tmp_path / "x.db").release()


def test_what_is_stored_is_for_its_owner_alone(
    open_sqlite: Callable[..., SqliteStore], tmp_path: Path
) -> None:
    made = tmp_path / "made.db"
    open_sqlite(str(made), statements={}, migrations=[])
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}
    assert {each.name for each in tmp_path.iterdir()} >= {"made.db", "made.db-wal"}


def test_who_may_read_a_file_that_is_there_stays(
    open_sqlite: Callable[..., SqliteStore], tmp_path: Path
) -> None:
    shared = tmp_path / "shared.db"
    shared.touch(0o600)
    shared.chmod(0o640)
    open_sqlite(str(shared), statements={}, migrations=[])
    assert stat.S_IMODE(shared.stat().st_mode) == 0o640


def test_a_disk_that_has_no_room_for_a_number_keeps_nobody_from_the_lock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(descriptor: int, text: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    lock = FileLock(tmp_path / "x.db")
    with pytest.raises(StoreLocked, match="is served by another"):
        FileLock(tmp_path / "x.db")
    lock.release()


def test_a_database_of_another_program_is_refused(
    open_sqlite: Callable[..., SqliteStore], tmp_path: Path
) -> None:
    path = tmp_path / "theirs.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()

    with pytest.raises(StoreUnusable, match="another program"):
        open_sqlite(str(path), statements={}, migrations=[])
    with pytest.raises(StoreUnusable, match="another program"):  # and the lock is free again
        open_sqlite(str(path), statements={}, migrations=[])


@pytest.mark.parametrize("damage", [b"this is not a database" * 50, b"SQLite format 3\x00" * 400])
def test_a_damaged_file_is_refused(
    open_sqlite: Callable[..., SqliteStore], tmp_path: Path, damage: bytes
) -> None:
    path = tmp_path / "damaged.db"
    path.write_bytes(damage)

    with pytest.raises(StoreUnusable):
        open_sqlite(str(path), statements={}, migrations=[])


async def test_a_damaged_page_is_found_on_opening(
    open_file: Callable[..., SqliteStore], tmp_path: Path
) -> None:
    store = open_file()
    for number in range(200):
        await store.run(put(f"{number:040}"))
    await store.close()
    path = tmp_path / "boxes.db"
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 3] = b"\xff" * 4096
    path.write_bytes(content)

    with pytest.raises(StoreUnusable, match=r"damaged|malformed"):
        open_file()


def test_a_folder_that_does_not_exist_is_said(
    open_sqlite: Callable[..., SqliteStore], tmp_path: Path
) -> None:
    with pytest.raises(StoreUnusable, match="cannot open"):
        open_sqlite(str(tmp_path / "no" / "such.db"), statements={}, migrations=[])


async def test_migrations_go_forwards_with_the_data_in_place(
    open_file: Callable[..., SqliteStore], box_migrations: list[Migration]
) -> None:
    store = open_file()
    await store.run(put("a"))
    await store.close()
    more = [*box_migrations, Migration(2, "colour", "ALTER TABLE boxes ADD COLUMN colour TEXT;")]

    newer = open_file(migrations=more)
    assert (await newer.check()).missing_migrations == []
    assert await newer.read(lambda read: read.all("list_boxes")) == [("a",)]
    await newer.close()


async def test_a_file_of_a_newer_program_is_refused_by_name_and_left_alone(
    open_file: Callable[..., SqliteStore], box_migrations: list[Migration]
) -> None:
    more = [
        *box_migrations,
        Migration(2, "colour", "ALTER TABLE boxes ADD COLUMN colour TEXT;"),
        Migration(3, "size", "ALTER TABLE boxes ADD COLUMN size TEXT;"),
    ]
    newer = open_file(migrations=more)
    await newer.run(put("a"))
    await newer.close()

    for _ in range(2):  # the first refusal leaves no lock
        with pytest.raises(StoreUnusable, match=r"boxes\.db cannot.*at 0003_size.*up to 0001: a"):
            open_file()

    again = open_file(migrations=more)
    assert await again.read(lambda read: read.all("list_boxes")) == [("a",)]


@pytest.mark.parametrize("names", [["0002_a.sql"], ["0001_a.sql", "0001_b.sql"], ["first.sql"]])
def test_migrations_are_numbered_without_gaps(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")

    with pytest.raises(StoreUnusable):
        load_migrations("sqlite", tmp_path)


def pragma(path: Path, name: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


async def test_a_file_of_other_pages_is_rewritten_once(
    open_file: Callable[[], SqliteStore], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "boxes.db"
    store = open_file()
    await store.run(put("kept"))
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; PRAGMA auto_vacuum = 0; VACUUM;"
            "PRAGMA journal_mode = WAL;"
        )
    assert (pragma(path, "page_size"), pragma(path, "auto_vacuum")) == (4096, 0)

    caplog.set_level("INFO")
    for _ in range(2):
        again = open_file()
        assert await again.read(lambda read: read.all("list_boxes")) == [("kept",)]
        await again.close()
    assert (pragma(path, "page_size"), pragma(path, "auto_vacuum")) == (2048, 2)
    assert caplog.text.count("rewriting") == 1


async def test_a_newer_file_is_refused_before_it_is_rewritten(
    open_file: Callable[[], SqliteStore], tmp_path: Path
) -> None:
    path = tmp_path / "boxes.db"
    await open_file().close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, 'later', 0)")
        connection.commit()
        connection.executescript(
            "PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM;"
            "PRAGMA journal_mode = WAL;"
        )
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="9999_later"):
        open_file()
    assert path.read_bytes() == before
