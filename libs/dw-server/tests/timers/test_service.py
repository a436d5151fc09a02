"""The timer service on the real services: a timer fires when its time has come, and not before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar, cast

import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.engine.times import SECOND
from durable_workflow.server.notices import DueAt, Notice, TaskReady
from durable_workflow.server.requests import (
    Caller,
    CloseWorkflow,
    CompleteWorkflowTask,
    PollTask,
    RegisterWorker,
    StartWorkflow,
    TaskOwner,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import (
    due,
    ends,
    namespaces,
    workflow_claims,
    workflow_tasks,
    workflows,
)
from durable_workflow.server.services.workers import register
from durable_workflow.server.slices import at_once
from durable_workflow.server.store import Read, Store, StoreUnavailable, Tx
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.timers import TimerService

T = TypeVar("T")

# A worker that is never missed, so that the timers are all that falls due.
SETTINGS = ServiceSettings(missed_heartbeats=100_000, workflow_lease_seconds=1e6)


@pytest.fixture
async def timers(store: SqliteStore, clock: ManualClock) -> AsyncIterator[TimerService]:
    timers = TimerService(store, clock, SETTINGS)
    yield timers
    await timers.stop()


@pytest.fixture
def ready(store: SqliteStore, timers: TimerService) -> asyncio.Queue[Notice]:
    """Workflow tasks that became ready, as the dispatcher would hear of them."""
    queue: asyncio.Queue[Notice] = asyncio.Queue()

    def publish(notices: Sequence[Notice]) -> None:
        timers.publish(notices)
        for notice in notices:
            if isinstance(notice, TaskReady):
                queue.put_nowait(notice)

    store.publish = publish
    return queue


async def start_timer(store: SqliteStore, workflow_id: str, seconds: int) -> None:
    """A run whose only open step is a timer."""
    caller = Caller(namespace="default")
    worker = RegisterWorker(worker_id="w", task_queue="q", runtime="python")
    request = StartWorkflow(workflow_type="t", workflow_id=workflow_id, task_queue="q")
    poll = PollTask(worker_id="w", task_queue="q")
    await store.run(lambda tx: namespaces.ensure_default(tx, "default"))
    await store.run(lambda tx: register(tx, "default", worker, SETTINGS))
    await store.run(lambda tx: workflows.start(tx, caller, request, SETTINGS))
    task = await store.run(lambda tx: workflow_claims.claim(tx, "default", poll, SETTINGS))
    assert task is not None
    owner = TaskOwner(
        task_id=task["task_id"], lease_owner="w", attempt=task["workflow_task_attempt"]
    )
    commands = [{"type": "start_timer", "delay_seconds": seconds}]
    complete = CompleteWorkflowTask(owner=owner, commands=commands)
    await store.run(lambda tx: at_once(workflow_tasks.complete(tx, "default", complete, SETTINGS)))


async def next_ready(ready: asyncio.Queue[Notice]) -> tuple[str, str, str]:
    """Kind, namespace and queue of the next task that becomes ready."""
    async with asyncio.timeout(5):
        notice = await ready.get()
    assert isinstance(notice, TaskReady)
    return notice.kind, notice.namespace, notice.task_queue


def drain(ready: asyncio.Queue[Notice]) -> int:
    count = ready.qsize()
    for _ in range(count):
        ready.get_nowait()
    return count


async def test_a_timer_fires_when_its_time_has_come(
    store: SqliteStore, clock: ManualClock, timers: TimerService, ready: asyncio.Queue[Notice]
) -> None:
    await start_timer(store, "a", 3600)
    timers.start()
    drain(ready)

    clock.advance(3599)
    assert await timers.run_due() == 0
    clock.advance(1)
    timers.poke()

    assert await next_ready(ready) == ("workflow", "default", "q")


async def test_a_commit_that_brings_an_earlier_time_wakes_the_timer_service(
    store: SqliteStore, timers: TimerService, ready: asyncio.Queue[Notice]
) -> None:
    # It sleeps for the length of its longest pause; only the notice can wake it in time.
    await start_timer(store, "far", 3600)
    timers.start()
    drain(ready)
    await start_timer(store, "now", 0)

    assert drain(ready) >= 1  # the first task of the second run
    assert await next_ready(ready) == ("workflow", "default", "q")


class Looks:
    """The store of the timer service, with its reads counted."""

    def __init__(self, store: SqliteStore) -> None:
        self.count = 0
        self.again = asyncio.Event()
        self.run = store.run
        self._store = store

    async def read(self, work: Callable[[Read], T], /) -> T:
        self.count += 1
        if self.count > 1:
            self.again.set()
        return await self._store.read(work)


async def test_due_times_to_come_are_slept_for_and_not_looked_at(
    store: SqliteStore, clock: ManualClock
) -> None:
    await start_timer(store, "far", 7200)
    looks = Looks(store)
    timers = TimerService(cast(Store, looks), clock, SETTINGS)
    timers.start()
    now = clock.now()
    for minutes in (50, 40, 60):
        # As the leases of one step after the other: each is over long before it ends.
        timers.publish([DueAt(now + minutes * 60 * SECOND)])
        for _ in range(10):
            await asyncio.sleep(0)  # the service has its turns

    assert looks.count == 1
    timers.publish([DueAt(now)])
    async with asyncio.timeout(5):
        await looks.again.wait()
    await timers.stop()


async def test_what_fell_due_while_nobody_served_is_done_at_the_start(
    store: SqliteStore, clock: ManualClock, timers: TimerService, ready: asyncio.Queue[Notice]
) -> None:
    for number in range(3):
        await start_timer(store, f"{number}", 10)
    clock.advance(1000)
    drain(ready)

    timers.start()

    assert [await next_ready(ready) for _ in range(3)] == [("workflow", "default", "q")] * 3


async def test_a_year_of_timers_in_a_moment(
    store: SqliteStore, clock: ManualClock, timers: TimerService, ready: asyncio.Queue[Notice]
) -> None:
    for number in range(52):
        await start_timer(store, f"week-{number}", (number + 1) * 7 * 86_400)
    drain(ready)

    fired = 0
    while (at := await store.read(due.next_due)) is not None and fired < 52:
        clock.advance_to(at)
        await timers.run_due()
        fired += drain(ready)

    assert fired == 52
    assert clock.now() - ManualClock().now() == 52 * 7 * 86_400 * 1_000_000


async def test_what_another_unit_did_away_with_is_no_failure(
    store: SqliteStore, clock: ManualClock, timers: TimerService
) -> None:
    await start_timer(store, "a", 1)
    clock.advance(2)
    read, cancel = store.read, CloseWorkflow(workflow_id="a")

    async def overtaken(work: Callable[[Read], int | None]) -> int | None:
        found = await read(work)
        store.read = read  # type: ignore[method-assign]
        await store.run(lambda tx: ends.cancel(tx, Caller(namespace="default"), cancel, SETTINGS))
        return found

    store.read = overtaken  # type: ignore[method-assign,assignment]  # the cancel comes between
    assert await timers.run_due() == 0


async def test_what_stays_due_and_cannot_be_done_is_a_failure(
    store: SqliteStore, clock: ManualClock, timers: TimerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start_timer(store, "a", 1)
    clock.advance(2)

    def nothing(tx: Tx, each: due.Due, settings: ServiceSettings) -> int:
        return 0

    monkeypatch.setattr(due, "handle", nothing)
    with pytest.raises(RuntimeError, match="cannot be done"):
        await timers.run_due()


async def test_a_failure_of_the_store_is_logged_and_tried_again(
    store: SqliteStore,
    clock: ManualClock,
    timers: TimerService,
    ready: asyncio.Queue[Notice],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await start_timer(store, "a", 1)
    drain(ready)
    clock.advance(2)
    run, failures = store.run, 0

    async def unlucky(work: Callable[[Tx], int]) -> int:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise StoreUnavailable("no such luck")
        return await run(work)

    store.run = unlucky  # type: ignore[method-assign,assignment]  # a fault
    with caplog.at_level(logging.ERROR):
        timers.start()
        assert await next_ready(ready) == ("workflow", "default", "q")

    assert failures >= 2
    assert "no such luck" in caplog.text
