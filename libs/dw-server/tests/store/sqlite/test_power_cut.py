"""The power fails at a random moment, under the very code that ships.

An SQLite VFS notes every write and what has been synced. At some moments it takes a picture of what
the disk would hold if the power failed right then: everything synced, and of what was written since
any part, in any order, some of it torn. Each picture must open, hold every unit that had been
acknowledged, and no unit by half.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest

from durable_workflow.server.store import Tx
from durable_workflow.server.store.sqlite import SqliteStore

SECTOR = 512
UNITS = 300


class Picture(NamedTuple):
    """What a disk held when the power failed, and what had been acknowledged by then."""

    files: dict[str, bytes]
    acknowledged: list[str]


class Platter:
    """One file: what is synced for good, and what has been written since."""

    def __init__(self) -> None:
        self._synced = bytearray()
        self._since: list[tuple[int, bytes | None]] = []  # None truncates

    def write(self, offset: int, data: bytes | None) -> None:
        self._since.append((offset, data))

    def sync(self) -> None:
        for offset, data in self._since:
            _apply(self._synced, offset, data)
        self._since.clear()

    def after_power_cut(self, chance: random.Random) -> bytes:
        content = bytearray(self._synced)
        for offset, data in self._since:
            if chance.random() < 0.5:
                continue  # never left the disk's memory
            if data is not None and chance.random() < 0.2:
                data = data[: chance.randrange(0, len(data) + 1, SECTOR)]
            _apply(content, offset, data)
        return bytes(content)


class Disk(apsw.VFS):
    """The system's files, watched."""

    def __init__(self, seed: int) -> None:
        self.acknowledged: list[str] = []
        self.pictures: list[Picture] = []
        self._chance = random.Random(seed)
        self._platters: dict[str, Platter] = {}
        # The commits come from one thread, everything else from the event loop's.
        self._lock = threading.Lock()
        self.name = f"power-cut-{seed}"
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        return WatchedFile(self, Path(path).name, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        with self._lock:
            self._platters.pop(Path(filename).name, None)

    def note(self, file: str, offset: int, data: bytes | None) -> None:
        with self._lock:
            self._platters.setdefault(file, Platter()).write(offset, data)
            self._take_picture_perhaps()

    def note_sync(self, file: str) -> None:
        with self._lock:
            self._take_picture_perhaps()
            self._platters.setdefault(file, Platter()).sync()

    def _take_picture_perhaps(self) -> None:
        if self._chance.random() < 0.06:
            files = {
                file: platter.after_power_cut(self._chance)
                for file, platter in self._platters.items()
            }
            self.pictures.append(Picture(files, list(self.acknowledged)))


class WatchedFile(apsw.VFSFile):
    def __init__(self, disk: Disk, file: str, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._file = file
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.note(self._file, offset, bytes(data))
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType]  # apsw's Buffer

    def xTruncate(self, newsize: int) -> None:
        self._disk.note(self._file, newsize, None)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._disk.note_sync(self._file)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


@pytest.fixture(params=[1, 2, 3])
def disk(request: pytest.FixtureRequest) -> Iterator[Disk]:
    disk = Disk(request.param)
    yield disk
    disk.unregister()


async def test_every_picture_holds_what_was_acknowledged_and_nothing_by_half(
    disk: Disk,
    open_file: Callable[..., SqliteStore],
    open_sqlite: Callable[..., SqliteStore],
    box_statements: Any,
    box_migrations: Any,
    tmp_path: Path,
) -> None:
    store = open_file(vfs=disk.name)
    # The log is folded into the file often, so that pictures of that are taken too.
    await store.run(lambda tx: tx.one("fold_often"))

    def work(name: str) -> Callable[[Tx], None]:
        def put(tx: Tx) -> None:
            tx.do("put_box", name=name, content=1, data=b"x" * 700)
            tx.do("put_box", name=f"{name}-twin", content=1, data=None)

        return put

    async def client(number: int) -> None:
        for step in range(UNITS // 10):
            name = f"{number}-{step}"
            await store.run(work(name))
            disk.acknowledged.append(name)

    await asyncio.gather(*[client(number) for number in range(10)])
    await store.close()
    assert len(disk.acknowledged) == UNITS
    assert len(disk.pictures) > 10

    for number, picture in enumerate(disk.pictures):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        for file, content in picture.files.items():
            (folder / file).write_bytes(content)
        after = open_sqlite(
            str(folder / "boxes.db"), statements=box_statements, migrations=box_migrations
        )
        found = {name for (name,) in await after.read(lambda read: read.all("list_boxes"))}
        await after.close()
        boxes = {name for name in found if not name.endswith("-twin")}

        assert set(picture.acknowledged) <= boxes
        assert found == boxes | {f"{name}-twin" for name in boxes}
