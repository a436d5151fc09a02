"""A batch that has sent a task may wait a moment for the unit that follows."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from durable_workflow.server.figures import CommitFigures
from durable_workflow.server.notices import DueAt, Notice, RunProgressed, RunRemoved, TaskOffered
from durable_workflow.server.store import Tx
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.sqlite import _holding as holding
from durable_workflow.server.store.sqlite._batch import Batch

OFFERED = TaskOffered("workflow", None, "t", 1, {"claim": "c"})


def put(name: str, *notices: Notice) -> Callable[[Tx], None]:
    def work(tx: Tx) -> None:
        tx.do("put_box", name=name, content=1, data=None)
        for notice in notices:
            tx.notify(notice)

    return work


class Sent:
    """Sends offered tasks early, and remembers when."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.first = asyncio.Event()

    def __call__(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        sent = [notice for notice in notices if isinstance(notice, TaskOffered)]
        self.notices += sent
        if sent:
            self.first.set()
        return [notice for notice in notices if notice not in sent]


@pytest.fixture
async def sent() -> Sent:
    return Sent()


class Commits(CommitFigures):
    """Remembers how many units each commit had."""

    def __init__(self) -> None:
        super().__init__()
        self.units: list[int] = []

    def note(self, seconds: float, units: int, *, failed: bool) -> None:
        super().note(seconds, units, failed=failed)
        self.units.append(units)


@pytest.fixture
def commits() -> Commits:
    return Commits()


@pytest.fixture
def store(open_file: Callable[..., SqliteStore], sent: Sent, commits: Commits) -> SqliteStore:
    return open_file(dispatch_before_commit=sent, figures=commits)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are held until a unit comes."""
    monkeypatch.setattr(holding, "_LONGEST_SECONDS", 60)


@pytest.mark.usefixtures("patient")
async def test_a_unit_that_follows_is_committed_with_the_one_that_is_held(
    store: SqliteStore, sent: Sent, commits: Commits, notices: list[Notice]
) -> None:
    first = asyncio.create_task(store.run(put("a", OFFERED, DueAt(1)), unhurried=True))
    await sent.first.wait()
    assert not first.done()
    await store.run(put("b", DueAt(2)))
    await first
    assert commits.units == [2]
    assert notices == [DueAt(1), DueAt(2)]
    assert await store.read(lambda read: read.all("list_boxes")) == [("a",), ("b",)]


async def test_a_batch_that_nothing_follows_is_committed_a_little_later(
    store: SqliteStore, sent: Sent, commits: Commits
) -> None:
    async with asyncio.timeout(5):
        await store.run(put("a", OFFERED), unhurried=True)
        await store.run(put("b"))
    assert commits.units == [1, 1]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "notices",
    [
        pytest.param([], id="nothing was sent"),
        pytest.param([OFFERED, TaskOffered("activity", None, "a", "1", {})], id="a task waits"),
        pytest.param([OFFERED, RunProgressed("r", closed=True)], id="an end waits"),
        pytest.param([OFFERED, RunRemoved("r")], id="a removal waits"),
    ],
)
async def test_a_batch_that_somebody_waits_for_is_not_held(
    open_file: Callable[..., SqliteStore], notices: list[Notice]
) -> None:
    def send(notices: Sequence[Notice]) -> Sequence[Notice]:
        return [notice for notice in notices if notice is not OFFERED]

    store = open_file(dispatch_before_commit=send)
    async with asyncio.timeout(5):
        await store.run(put("a", *notices), unhurried=True)


@pytest.mark.usefixtures("patient")
async def test_a_unit_whose_answer_is_waited_for_is_not_held(store: SqliteStore) -> None:
    async with asyncio.timeout(5):
        await store.run(put("a", OFFERED))


@pytest.mark.usefixtures("patient")
async def test_units_that_came_together_are_not_held(store: SqliteStore) -> None:
    async with asyncio.timeout(5):
        await asyncio.gather(
            *(store.run(put(f"{number}", OFFERED), unhurried=True) for number in range(3))
        )


async def test_a_store_that_is_closed_commits_what_it_holds(
    store: SqliteStore, sent: Sent, commits: Commits
) -> None:
    first = asyncio.create_task(store.run(put("a", OFFERED), unhurried=True))
    await sent.first.wait()
    await store.close()
    await first
    assert commits.units == [1]


@pytest.mark.usefixtures("patient")
async def test_where_the_unit_that_follows_fails_the_held_one_stands(
    store: SqliteStore, sent: Sent
) -> None:
    def fail(tx: Tx) -> None:
        tx.do("put_box", name="b", content=1, data=None)
        raise ValueError("on purpose")

    first = asyncio.create_task(store.run(put("a", OFFERED), unhurried=True))
    await sent.first.wait()
    with pytest.raises(ValueError, match="on purpose"):
        await store.run(fail)
    await first
    assert await store.read(lambda read: read.all("list_boxes")) == [("a",)]


@pytest.mark.usefixtures("patient")
async def test_a_long_unit_does_not_join_and_follows_in_its_own_batch(
    store: SqliteStore, sent: Sent, commits: Commits
) -> None:
    def slices(tx: Tx) -> Any:
        tx.do("put_box", name="b", content=1, data=None)
        yield

    first = asyncio.create_task(store.run(put("a", OFFERED), unhurried=True))
    await sent.first.wait()
    async with asyncio.timeout(5):
        await store.run_in_slices(slices)
        await first
    assert commits.units == [1, 1]


class Turns:
    """A loop that does what is called soon when it is told to, and knows one timer."""

    def __init__(self) -> None:
        self.now = 100.0
        self.soon: list[asyncio.Handle] = []
        self.timers: list[asyncio.Handle] = []

    def get_debug(self) -> bool:
        return False

    def call_soon(self, callback: Callable[..., None], *arguments: Any) -> asyncio.Handle:
        handle = asyncio.Handle(callback, arguments, cast(asyncio.AbstractEventLoop, self))
        self.soon.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., None], *arguments: Any
    ) -> asyncio.Handle:
        assert delay == 0.002
        handle = asyncio.Handle(callback, arguments, cast(asyncio.AbstractEventLoop, self))
        self.timers.append(handle)
        return handle

    def turn(self) -> None:
        """Do what was called soon, or the timer where nothing was."""
        for handle in self._taken(self.soon) or self._taken(self.timers):
            if not handle.cancelled():
                handle._run()

    def _taken(self, handles: list[asyncio.Handle]) -> list[asyncio.Handle]:
        taken = handles[:]
        handles.clear()
        return taken


def held_on(turns: Turns) -> tuple[holding.Hold, list[Batch]]:
    hold = holding.Hold(lambda: turns.now)
    ended: list[Batch] = []
    hold.begin(cast(asyncio.AbstractEventLoop, turns), Batch(), ended.append)
    return hold, ended


def test_a_batch_is_held_for_its_whole_time_where_the_timer_ends_early() -> None:
    turns = Turns()
    hold, ended = held_on(turns)
    for microseconds in (1300, 1700, 1990):
        turns.now = 100.0 + microseconds / 1e6
        turns.turn()
        assert not ended
    assert hold.end() is not None


def test_a_clock_that_stands_while_there_is_work_ends_a_batch_for_all_its_rounding() -> None:
    """As that of a simulation, where a timer ended early by what a sum of seconds was rounded."""
    turns = Turns()
    _, ended = held_on(turns)
    turns.now = 100.002 - 1e-12
    for _ in range(8):
        turns.turn()
    assert len(ended) == 1


def test_what_arrives_in_time_is_waited_for_until_it_is_a_unit() -> None:
    turns = Turns()
    hold, ended = held_on(turns)
    turns.now = 100.01
    for _ in range(3):
        turns.turn()
        assert not ended
    assert hold.end() is not None
    turns.turn()
    assert not ended


def test_a_batch_whose_time_is_up_goes_on_once() -> None:
    turns = Turns()
    hold, ended = held_on(turns)
    turns.now = 100.01
    for _ in range(8):
        turns.turn()
    assert len(ended) == 1
    assert hold.end() is None


class Watched(Batch):
    """Can be watched for whether it is free."""


@pytest.mark.parametrize("way", ["followed in time", "followed late", "not followed"])
def test_a_batch_that_is_held_no_more_is_free_at_once(
    way: str,
) -> None:
    gc.disable()
    try:
        turns = Turns()
        hold = holding.Hold(lambda: turns.now)
        batch = Watched()
        watched = weakref.ref(batch)
        hold.begin(cast(asyncio.AbstractEventLoop, turns), batch, lambda batch: None)
        del batch
        if way != "followed in time":
            turns.now = 100.01
            turns.turn()
        if way == "not followed":
            for _ in range(4):
                turns.turn()
        else:
            assert hold.end() is not None
            turns.turn()
        assert watched() is None
    finally:
        gc.enable()
