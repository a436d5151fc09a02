"""A disk whose power can fail, and that can fail itself: SQLite's files, seen by an SQLite VFS.

Everything goes to the system's files, and is noted: what was written since it was last synced, and
which names a crash would leave. A *cut* is what the disk would hold if the power failed right then:
all that was synced, and of the rest any part, in any order, some of it torn. Names of files are
durable once their folder was synced, as on any file system.
"""

from __future__ import annotations

import os
import random
import stat
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest import mock

import apsw

SECTOR: Final = 512
_LOGS: Final = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL


class Write(NamedTuple):
    """Bytes written at an offset; None for the bytes cuts the file off there."""

    offset: int
    data: bytes | None


class Cut(NamedTuple):
    """What a disk held when the power failed.

    Attributes:
        moment: What was going on.
        files: Their contents, by name.
        acknowledged: Numbers of the units whose callers had been answered by then.
        copied: Of those, the ones that a finished copy has; None while there is no finished copy.
    """

    moment: str
    files: dict[str, bytes]
    acknowledged: Set[int]
    copied: Set[int] | None


class Platter:
    """One file: what is synced for good, and what has been written since."""

    def __init__(self, content: bytes = b"") -> None:
        self._synced = bytearray(content)
        self._since: list[Write] = []

    def write(self, write: Write) -> None:
        self._since.append(write)

    def sync(self) -> None:
        for write in self._since:
            _apply(self._synced, write)
        self._since.clear()

    def after_cut(self, dice: random.Random) -> bytes:
        """What is left of it: nothing of the unsynced writes, all, or some."""
        content = bytearray(self._synced)
        for write in _SURVIVALS[dice.randrange(len(_SURVIVALS))](self._since, dice):
            _apply(content, write)
        return bytes(content)


def _none(writes: list[Write], dice: random.Random) -> Iterator[Write]:
    yield from ()


def _all(writes: list[Write], dice: random.Random) -> Iterator[Write]:
    yield from writes


def _prefix(writes: list[Write], dice: random.Random) -> Iterator[Write]:
    """Those up to one, which is torn anywhere."""
    if not writes:
        return
    last = dice.randrange(len(writes))
    yield from writes[:last]
    offset, data = writes[last]
    if data is not None:
        yield Write(offset, data[: dice.randrange(len(data) + 1)])


def _some(writes: list[Write], dice: random.Random) -> Iterator[Write]:
    """Whole writes, in any order: those that another one left behind are lost."""
    yield from (write for write in writes if dice.random() < 0.5)


def _sectors(writes: list[Write], dice: random.Random) -> Iterator[Write]:
    """Sectors, each for itself."""
    for offset, data in writes:
        if data is None:
            if dice.random() < 0.5:
                yield Write(offset, None)
            continue
        at = 0
        while at < len(data):
            length = min(SECTOR - (offset + at) % SECTOR, len(data) - at)
            if dice.random() < 0.5:
                yield Write(offset + at, data[at : at + length])
            at += length


_SURVIVALS: Final[list[Callable[[list[Write], random.Random], Iterator[Write]]]] = [
    _none,
    _all,
    _prefix,
    _some,
    _sectors,
]


def _apply(content: bytearray, write: Write) -> None:
    if write.data is None:
        del content[write.offset :]
        return
    if len(content) < write.offset:
        content.extend(bytes(write.offset - len(content)))
    content[write.offset : write.offset + len(write.data)] = write.data


class Failure:
    """Has the n-th read, write or sync fail, once.

    Args:
        operation: ``read``, ``write`` or ``sync``.
        at: Which one of them, from 1 on.
    """

    def __init__(self, operation: str, at: int) -> None:
        self.operation = operation
        self.left = at

    @property
    def happened(self) -> bool:
        return self.left <= 0

    def use(self, operation: str) -> None:
        """Note an operation.

        Raises:
            apsw.IOError: It is the one that fails.
        """
        if operation == self.operation:
            self.left -= 1
            if self.left == 0:
                raise apsw.IOError(f"this {operation} failed on purpose")


class Disk(apsw.VFS):
    """The system's files in one folder, watched. Not for two at a time.

    Args:
        folder: What is watched.
        seed: Which cuts are made, and what they leave.
        cuts: How many are kept of each moment, drawn evenly from all that could be.
        acknowledged: The numbers of the units that are acknowledged now.
        failure: An operation that fails.

    Attributes:
        moment: What is going on. A change of the database file during ``load`` is a checkpoint;
            with a journal beside it, before a ``migration``, the file is being rewritten.
        copied: Numbers of the units that a finished copy of the database must hold.
        system: Name of the VFS that has the files.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 0,
        cuts: int = 0,
        acknowledged: Callable[[], Set[int]] = frozenset,
        failure: Failure | None = None,
    ) -> None:
        self.moment = "opening"
        self.copied: Set[int] | None = None
        self.failure = failure
        self._folder = folder
        self._dice = random.Random(seed)
        self._most = cuts
        self._acknowledged = acknowledged
        self._cuts: dict[str, list[Cut]] = {}
        self._seen: Counter[str] = Counter()
        self._names: dict[str, Platter] = {}
        for path in folder.iterdir():
            if not path.name.endswith("-shm"):
                self._names[path.name] = Platter(path.read_bytes())
        self._durable = dict(self._names)
        # Commits and copies come from threads.
        self._lock = threading.RLock()
        self.system = apsw.vfs_names()[0]  # the default until now
        super().__init__(f"watched {folder}", self.system, makedefault=True)

    @contextmanager
    def watching(self) -> Generator[None]:
        """Watch also what is done beside SQLite: synced, linked and deleted by name."""
        done_by_system = {name: getattr(os, name) for name in ("link", "unlink")}

        def fsync(descriptor: int) -> None:
            self._note_system_sync(os.fstat(descriptor))

        def link(source: Path, target: Path) -> None:
            done_by_system["link"](source, target)
            with self._lock:
                self._names[target.name] = self._names[source.name]

        def unlink(path: Path) -> None:
            done_by_system["unlink"](path)
            with self._lock:
                self._names.pop(Path(path).name, None)

        try:
            with (
                mock.patch("os.fsync", fsync),
                mock.patch("os.link", link),
                mock.patch("os.unlink", unlink),
            ):
                yield
        finally:
            self.unregister()

    @property
    def cuts(self) -> list[Cut]:
        return [cut for cuts in self._cuts.values() for cut in cuts]

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        if name is None:
            return apsw.VFSFile(self.system, None, flags)
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name))
        return WatchedFile(self, path.name, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        with self._lock:
            self._cut_perhaps(Path(filename).name)
            self._names.pop(Path(filename).name, None)
            if syncdir:
                self._durable = dict(self._names)

    def opened(self, file: str) -> None:
        with self._lock:
            self._names.setdefault(file, Platter())

    def use(self, operation: str) -> None:
        if self.failure is not None:
            with self._lock:
                self.failure.use(operation)

    def note(self, file: str, write: Write) -> None:
        with self._lock:
            self._names.setdefault(file, Platter()).write(write)
            self._cut_perhaps(file)

    def note_sync(self, file: str, *, with_name: bool) -> None:
        with self._lock:
            self._cut_perhaps(file)
            self._names.setdefault(file, Platter()).sync()
            if with_name:
                self._durable = dict(self._names)

    def _note_system_sync(self, what: os.stat_result) -> None:
        with self._lock:
            if stat.S_ISDIR(what.st_mode):
                self._cut_perhaps("")
                self._durable = dict(self._names)
                return
            for name in list(self._names):
                path = self._folder / name
                if path.exists() and os.path.samestat(what, path.stat()):
                    self.note_sync(name, with_name=False)

    def _cut_perhaps(self, file: str) -> None:
        if not self._most:
            return
        moment = self._moment_of(file)
        self._seen[moment] += 1
        kept = self._cuts.setdefault(moment, [])
        if len(kept) < self._most:
            kept.append(self._cut(moment))
        elif (place := self._dice.randrange(self._seen[moment])) < self._most:
            kept[place] = self._cut(moment)

    def _moment_of(self, file: str) -> str:
        if self.moment == "load" and file.endswith(".db"):
            return "checkpoint"
        if self.moment == "migration" and any(name.endswith("-journal") for name in self._names):
            return "vacuum"
        return self.moment

    def _cut(self, moment: str) -> Cut:
        files: dict[str, bytes] = {}
        for name in sorted(self._names.keys() | self._durable.keys()):
            directory = self._names if self._dice.random() < 0.5 else self._durable
            if (platter := directory.get(name)) is not None:
                files[name] = platter.after_cut(self._dice)
        return Cut(moment, files, frozenset(self._acknowledged()), self.copied)


class WatchedFile(apsw.VFSFile):
    """One open file of a `Disk`."""

    def __init__(self, disk: Disk, file: str, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._file = file
        self._new_log = bool(flags[0] & _LOGS and flags[0] & apsw.SQLITE_OPEN_CREATE)
        super().__init__(disk.system, name, flags)
        disk.opened(file)

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.use("read")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.use("write")
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType]  # apsw's Buffer
        self._disk.note(self._file, Write(offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._disk.note(self._file, Write(newsize, None))

    def xSync(self, flags: int) -> None:
        # The system has no need to sync: only the power of this disk fails.
        self._disk.use("sync")
        # SQLite's own VFS syncs the folder too, for a log, the first time.
        self._disk.note_sync(self._file, with_name=self._new_log)
        self._new_log = False
