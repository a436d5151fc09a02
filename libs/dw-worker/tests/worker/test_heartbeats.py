"""Signs of life."""

# pyright: reportPrivateUsage=false
import asyncio
import itertools
import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import ServerError
from durable_workflow.worker import Worker, _process_metrics
from durable_workflow.worker._process_metrics import ProcessMetrics


@workflow.defn(name="w")
class W:
    def run(self, ctx: Any) -> int:
        return 1


async def test_heartbeats_go_on_after_an_error(server: Any) -> None:
    def fail(**_: Any) -> None:
        server.on.pop("heartbeat_worker")
        raise ServerError(500, {})

    server.on["heartbeat_worker"] = fail
    worker = Worker(server, task_queue="q", workflows=[W], heartbeat_interval=0.01)
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("heartbeat_worker") >= 3)
    await worker.stop()
    await running
    sent = server.calls["heartbeat_worker"][0]
    assert sent["worker_id"] == worker.worker_id
    assert sent["task_slots"] == {"workflow_available": 10, "activity_available": 10}
    assert sent["process_metrics"]["process_id"] == os.getpid()


async def test_an_answer_may_change_the_interval(server: Any) -> None:
    server.heartbeat_reply = {"heartbeat_interval_seconds": 7}
    worker = Worker(server, task_queue="q", workflows=[W])
    await worker._heartbeats.beat()
    assert worker._heartbeat_interval == 7.0


async def test_heartbeats_go_on_while_the_worker_drains(server: Any) -> None:
    release = asyncio.Event()

    async def slow() -> None:
        await release.wait()

    server.put("activity", {"task_id": "a", "activity_attempt_id": "1", "activity_type": "slow"})
    worker = Worker(server, task_queue="q", activities=[slow], heartbeat_interval=0.01)
    running = asyncio.create_task(worker.run())
    await server.until(lambda: len(worker._in_flight) == 1)
    stopping = asyncio.create_task(worker.stop())
    await worker._stop.wait()
    before = server.count("heartbeat_worker")
    await server.until(lambda: server.count("heartbeat_worker") >= before + 3)
    release.set()
    await stopping
    await running
    assert server.count("complete_activity_task") == 1


def test_process_metrics_have_the_shape_that_servers_store() -> None:
    metrics = ProcessMetrics()
    sample = metrics.sample()
    assert sample["process_started_at"].endswith("Z")
    assert len(sample["process_started_at"]) == len("2026-06-01T12:00:00.000Z")
    assert 0 <= sample["cpu_percent"] <= 100
    assert sample["memory_bytes"] > 1_000_000
    assert 0 < len(sample["host"]) <= 255


def test_a_start_two_minutes_ago_is_two_minutes_of_running_when_the_process_has_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings = itertools.chain([0], itertools.repeat(10))  # it has to wait behind the first

    class Date(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime(2026, 1, 1, tzinfo=tz) + timedelta(seconds=next(readings))

    monkeypatch.setattr(_process_metrics, "datetime", Date)
    times = SimpleNamespace(monotonic=lambda: next(readings), process_time=lambda: 0.0)
    monkeypatch.setattr(_process_metrics, "time", times)
    metrics = ProcessMetrics()
    metrics.move_start(Date.now(UTC) - timedelta(minutes=2))
    assert metrics.sample()["process_uptime_seconds"] >= 120
