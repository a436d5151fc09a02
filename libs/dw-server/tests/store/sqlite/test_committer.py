from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import apsw
import pytest

from durable_workflow.server.store import Tx
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.sqlite._committer import CommitPace


def test_a_disk_is_trusted_once_it_has_been_quick_and_only_with_small_batches() -> None:
    pace = CommitPace()
    assert not pace.on_the_spot(1)
    for _ in range(20):
        pace.note(0.0002)

    assert pace.on_the_spot(1)
    assert pace.on_the_spot(2)
    assert not pace.on_the_spot(3)


def test_one_slow_commit_takes_the_trust_away_for_a_while() -> None:
    pace = CommitPace()
    for _ in range(100):
        pace.note(0.0002)
    pace.note(0.1)

    quick = 0
    while not pace.on_the_spot(1):
        pace.note(0.0002)
        quick += 1
    assert 10 < quick < 100


class Threads(apsw.VFS):
    """The system's files; notes which threads sync, and how long that is made to take."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.slow = False
        super().__init__("sync-threads", "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return SyncedFile(self, name, flags)


class SyncedFile(apsw.VFSFile):
    def __init__(self, threads: Threads, name: Any, flags: list[int]) -> None:
        self._threads = threads
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:
        self._threads.names.append(threading.current_thread().name)
        if self._threads.slow:
            threading.Event().wait(0.02)
        else:
            return  # a disk that takes no time at all


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads()
    yield threads
    threads.unregister()


def put(name: str) -> Callable[[Tx], None]:
    return lambda tx: tx.do("put_box", name=name, content=1, data=None)


async def test_a_slow_disk_never_holds_up_the_loop(
    threads: Threads, open_file: Callable[..., SqliteStore]
) -> None:
    store = open_file(vfs="sync-threads")
    threads.slow = True
    threads.names.clear()
    for number in range(3):
        await store.run(put(f"{number}"))

    assert set(threads.names) == {"dw-store-commit"}


async def test_a_quick_disk_is_waited_for_on_the_spot_but_not_by_many(
    threads: Threads, open_file: Callable[..., SqliteStore]
) -> None:
    store = open_file(vfs="sync-threads")
    here = threading.current_thread().name
    # How many it takes depends on how busy this machine is.
    for number in range(10_000):
        await store.run(put(f"{number}"))
        if threads.names[-1] == here:
            break
    assert threads.names[-1] == here

    threads.names.clear()
    await asyncio.gather(*[store.run(put(f"many-{number}")) for number in range(20)])
    assert "dw-store-commit" in threads.names
    assert here not in threads.names
