"""Retention in the background, on a file: what a crash leaves is finished by the next server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.requests import Caller, CloseWorkflow, StartWorkflow
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import ends, namespaces, retention, workflows
from durable_workflow.server.store import StoreUnavailable, Tx
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.timers import RetentionService

SETTINGS = ServiceSettings()
CALLER = Caller(namespace="default")


async def closed(store: SqliteStore, workflow_id: str) -> str:
    """A closed run."""
    request = StartWorkflow(workflow_type="t", workflow_id=workflow_id, task_queue="q")
    end = CloseWorkflow(workflow_id=workflow_id)
    await store.run(lambda tx: namespaces.ensure_default(tx, "default"))
    started = await store.run(lambda tx: workflows.start(tx, CALLER, request, SETTINGS))
    await store.run(lambda tx: ends.terminate(tx, CALLER, end, SETTINGS))
    run_id: str = started.body["run_id"]
    return run_id


async def count(store: SqliteStore, run_id: str) -> int:
    def rows(tx: Tx) -> int:
        found = tx.all("delete_run_closed_history", run_id=run_id, most=100, most_bytes=1 << 20)
        raise Counted(len(found) + len(tx.all("delete_run", run_id=run_id)))

    with pytest.raises(Counted) as counted:
        await store.run(rows)
    return counted.value.count


class Counted(Exception):
    def __init__(self, count: int) -> None:
        self.count = count


async def until_gone(store: SqliteStore, run_id: str) -> None:
    async with asyncio.timeout(20):
        while await count(store, run_id):  # noqa: ASYNC110  nobody tells of it
            await asyncio.sleep(0.02)


async def test_expired_runs_go_by_themselves(store: SqliteStore, clock: ManualClock) -> None:
    old = await closed(store, "old")
    clock.advance(40 * 86_400)
    young = await closed(store, "young")
    service = RetentionService(store, 0.05)
    service.start()
    await until_gone(store, old)
    clock.advance(40 * 86_400)
    await until_gone(store, young)
    await service.stop()


@pytest.mark.parametrize("interval", [0.05, 0])
async def test_what_was_begun_is_finished_after_a_crash(
    open_sqlite: Callable[[str], SqliteStore], tmp_path: Path, interval: float
) -> None:
    store = open_sqlite(str(tmp_path / "state.db"))
    run_id = await closed(store, "wf")
    other = await closed(store, "other")
    await store.run(lambda tx: retention.remove(tx, "default", run_id))
    await store.run(lambda tx: tx.do("delete_run_details", run_id=run_id))
    await store.close()
    store = open_sqlite(str(tmp_path / "state.db"))
    assert await count(store, run_id) > 1
    service = RetentionService(store, interval)
    service.start()
    await until_gone(store, run_id)
    await service.stop()
    assert await count(store, other) > 1
    await store.close()


async def test_a_failing_store_does_not_end_it(
    store: SqliteStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    old = await closed(store, "old")
    clock.advance(40 * 86_400)
    service = RetentionService(FailingOnce(store), 0.05)  # type: ignore[arg-type]  # of the shape
    service.start()
    await until_gone(store, old)
    await service.stop()
    assert "retention could not remove" in caplog.text


class FailingOnce:
    """A store whose first read fails."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._failed = False
        self.run = store.run

    async def read(self, work: Callable[..., object]) -> object:
        if not self._failed:
            self._failed = True
            raise StoreUnavailable("the disk is full")
        return await self._store.read(work)


async def test_the_file_gives_the_space_of_removed_runs_back(
    open_sqlite: Callable[[str], SqliteStore], tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "state.db"
    store = open_sqlite(str(path))
    await asyncio.gather(*[closed(store, f"wf-{number}") for number in range(1500)])
    await store.close()
    full = path.stat().st_size
    store = open_sqlite(str(path))
    clock.advance(40 * 86_400)
    assert await retention.remove_expired(store) == 1500
    await retention.sweep(store)
    await store.close()
    assert path.stat().st_size < full / 2


async def test_a_unit_that_waited_long_for_others_is_followed_by_a_short_pause(
    store: SqliteStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await closed(store, "old")
    clock.advance(40 * 86_400)
    slow = Slow(store)
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(time, "perf_counter", slow.seconds)
    monkeypatch.setattr(asyncio, "sleep", note)
    assert await retention.remove_expired(slow) == 1  # type: ignore[arg-type]  # of the shape
    monkeypatch.undo()
    assert pauses
    assert max(pauses) <= 1
    assert await count(store, old) == 0


class Slow:
    """A store each of whose units takes an hour."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._waited = 0.0
        self._clock = time.perf_counter
        self.read = store.read

    def seconds(self) -> float:
        return self._clock() + self._waited

    async def run(self, work: Callable[[Tx], object]) -> object:
        result = await self._store.run(work)
        self._waited += 3600
        return result
