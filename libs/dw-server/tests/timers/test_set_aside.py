"""What falls due and cannot be handled is set aside, and everything else that is due goes on."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from durable_workflow.metrics import SERVER_DUE_FAILURES, InMemoryMetrics
from durable_workflow.server.app import create_app
from durable_workflow.server.clock import ManualClock
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.records import due
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.settings import Settings
from durable_workflow.server.store.statements import load_statements

Json = dict[str, Any]
VERSIONS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.1",
}
COMMANDS: dict[str, Json] = {
    "timer": {"type": "start_timer", "delay_seconds": 10},
    "activity": {
        "type": "schedule_activity",
        "activity_type": "a",
        "schedule_to_start_timeout": 10,
    },
    "run": {"type": "start_timer", "delay_seconds": 3600},
}


class Wire:
    """A server whose clock is told, and whose timer service runs when it is asked to."""

    def __init__(self, server: Server, http: httpx.AsyncClient, clock: ManualClock) -> None:
        self.server = server
        self.http = http
        self.clock = clock

    async def call(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = await self.http.request(method, f"/api{path}", json=body, headers=VERSIONS)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def wait_for(self, workflow_id: str, source: str) -> str:
        """A run of which a thing of this source falls due in ten seconds; the run's id."""
        body: Json = {"workflow_id": workflow_id, "workflow_type": "t", "task_queue": "q"}
        if source == "run":
            body["run_timeout_seconds"] = 10
        run_id = (await self.call("POST", "/workflows", body))["run_id"]
        worker = {"worker_id": "w", "task_queue": "q", "lease_owner": "w"}
        task = (await self.call("POST", "/worker/workflow-tasks/poll", worker))["task"]
        completion = worker | {"workflow_task_attempt": 1, "commands": [COMMANDS[source]]}
        await self.call("POST", f"/worker/workflow-tasks/{task['task_id']}/complete", completion)
        return str(run_id)

    async def events(self, workflow_id: str) -> list[str]:
        run = (await self.call("GET", f"/workflows/{workflow_id}"))["run_id"]
        history = await self.call("GET", f"/workflows/{workflow_id}/runs/{run}/history")
        return [event["event_type"] for event in history["events"]]

    async def findings(self, workflow_id: str) -> list[str]:
        body = await self.call("GET", f"/workflows/{workflow_id}/debug")
        if any(each["code"] == "due_work_failed" for each in body["findings"]):
            assert body["diagnostic_status"] == "needs_attention"
        return [each["message"] for each in body["findings"] if each["code"] == "due_work_failed"]

    def execute(self, statement: str) -> None:
        store = self.server.store
        store._database.writer.execute(statement)  # pyright: ignore[reportPrivateUsage]
        store.ways.forget()  # it has not seen the change

    def break_updates(self, table: str, condition: str) -> None:
        """Have the database refuse to change a row."""
        self.execute(
            f"CREATE TRIGGER broken BEFORE UPDATE ON {table} WHEN {condition} "
            "BEGIN SELECT RAISE(ABORT, 'out of order'); END"
        )

    async def run_due(self, seconds: float = 0) -> None:
        self.clock.advance(seconds)
        await self.server.timers.run_due()


@pytest.fixture
def metrics() -> InMemoryMetrics:
    return InMemoryMetrics()


@pytest.fixture
async def wire(metrics: InMemoryMetrics) -> AsyncIterator[Wire]:
    clock = ManualClock()
    services = ServiceSettings(missed_heartbeats=100_000)
    settings = Settings(db=":memory:", long_poll_timeout=0, services=services)
    server = Server(settings, clock=clock, metrics=metrics)
    await server.start()
    await server.timers.stop()  # it runs when the test says so
    transport = httpx.ASGITransport(create_app(server))
    async with httpx.AsyncClient(transport=transport, base_url="http://t", timeout=30) as http:
        wire = Wire(server, http, clock)
        worker = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
        await wire.call("POST", "/worker/register", worker)
        yield wire
    await server.stop()


TABLES = {"timer": "timers", "activity": "activities", "run": "runs"}
DONE = {"timer": "TimerFired", "activity": "ActivityTimedOut", "run": "WorkflowTimedOut"}


@pytest.mark.parametrize("source", TABLES)
async def test_what_raises_is_set_aside_and_all_else_goes_on(
    wire: Wire, metrics: InMemoryMetrics, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = await wire.wait_for("broken", source)
    for other in TABLES:
        await wire.wait_for(f"other-{other}", other)
    wire.break_updates(TABLES[source], f"OLD.run_id = '{broken}'")

    with caplog.at_level(logging.ERROR):
        await wire.run_due(11)

    for other in TABLES:
        assert DONE[other] in await wire.events(f"other-{other}"), other
    assert DONE[source] not in await wire.events("broken")
    tags = {"source": source}
    assert metrics.counter_value(SERVER_DUE_FAILURES, tags) == 1
    [finding] = await wire.findings("broken")
    assert finding.startswith(f"A {source} of the run fell due and could not be handled 1 time(s)")
    assert "out of order" in finding
    assert await wire.findings("other-activity") == []
    assert f"of run {broken}" in caplog.text
    assert "out of order" in caplog.text

    # At rest it is not tried, and does not keep the timer service awake.
    await wire.run_due(0.9)
    assert metrics.counter_value(SERVER_DUE_FAILURES, tags) == 1
    await wire.run_due(0.1)
    assert metrics.counter_value(SERVER_DUE_FAILURES, tags) == 2
    await wire.run_due(1.9)
    assert metrics.counter_value(SERVER_DUE_FAILURES, tags) == 2
    assert "2 time(s)" in (await wire.findings("broken"))[0]

    wire.execute("DROP TRIGGER broken")
    await wire.run_due(0.1)
    assert DONE[source] in await wire.events("broken")
    assert await wire.findings("broken") == []
    assert metrics.counter_value(SERVER_DUE_FAILURES, tags) == 2


async def test_a_metrics_recorder_that_raises_keeps_nothing_from_being_done(
    wire: Wire, metrics: InMemoryMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(metrics, "increment", refuse)
    broken = await wire.wait_for("broken", "timer")
    await wire.wait_for("other", "timer")
    wire.break_updates("timers", f"OLD.run_id = '{broken}'")

    await wire.run_due(11)

    assert DONE["timer"] in await wire.events("other")
    assert await wire.findings("broken")


async def test_more_that_raise_than_a_batch_holds_keep_nothing_else(
    wire: Wire, metrics: InMemoryMetrics
) -> None:
    for number in range(60):
        await wire.wait_for(f"broken-{number}", "timer")
    wire.break_updates("timers", "TRUE")
    await wire.wait_for("other", "activity")

    await wire.run_due(11)

    assert metrics.counter_value(SERVER_DUE_FAILURES, {"source": "timer"}) == 60
    assert DONE["activity"] in await wire.events("other")


async def test_what_does_not_fall_due_any_more_is_forgotten(wire: Wire) -> None:
    await wire.wait_for("broken", "timer")
    wire.break_updates("timers", "TRUE")
    await wire.run_due(11)
    assert await wire.findings("broken")
    wire.execute("DROP TRIGGER broken")

    await wire.call("POST", "/workflows/broken/terminate", {})
    await wire.run_due(100)

    assert (await wire.server.store.read(due.times)).set_aside is None


async def test_a_worker_that_cannot_be_missed_keeps_no_timer(
    wire: Wire, metrics: InMemoryMetrics
) -> None:
    await wire.wait_for("other", "timer")
    wire.execute("UPDATE workers SET due_at = 1")
    wire.break_updates("workers", "TRUE")

    await wire.run_due(11)

    assert DONE["timer"] in await wire.events("other")
    assert metrics.counter_value(SERVER_DUE_FAILURES, {"source": "worker"}) == 1


@pytest.mark.parametrize("statement", ["first_due", "next_due", "standing"])
async def test_the_first_due_times_are_found_by_their_indexes(wire: Wire, statement: str) -> None:
    text = load_statements("sqlite")[statement].text
    reader = wire.server.store._database.reader  # pyright: ignore[reportPrivateUsage]
    plan = json.dumps(reader.execute("EXPLAIN QUERY PLAN " + text, {"now": 1}).fetchall())
    for table in ("timers", "runs", "activities", "workers", "schedules"):
        assert re.search(rf"SEARCH {table} USING (COVERING )?INDEX {table}_due", plan), plan
    assert "SCAN set_aside" not in plan


async def test_a_schedule_that_cannot_be_fired_keeps_none_that_are_due_with_it(
    wire: Wire, metrics: InMemoryMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(9):
        body: Json = {
            "schedule_id": f"s{number}",
            "spec": {"intervals": [{"every": "PT1H"}]},
            "action": {"workflow_type": "t", "task_queue": "q"},
        }
        await wire.call("POST", "/schedules", body)
    wire.break_updates("schedules", "OLD.schedule_id = 's4'")

    with caplog.at_level(logging.WARNING):
        await wire.run_due(3600)

    fires = [
        (await wire.call("GET", f"/schedules/s{number}"))["fires_count"] for number in range(9)
    ]
    assert fires == [1, 1, 1, 1, 0, 1, 1, 1, 1]
    assert (await wire.call("GET", "/workflows"))["workflow_count"] == 8
    assert metrics.counter_value(SERVER_DUE_FAILURES, {"source": "schedule"}) == 1
    assert "schedule(s) failed, going on one by one" in caplog.text
    assert "schedule default/s4 fell due" in caplog.text

    wire.execute("DROP TRIGGER broken")
    await wire.run_due(1)
    assert (await wire.call("GET", "/schedules/s4"))["fires_count"] == 1
    assert (await wire.call("GET", "/workflows"))["workflow_count"] == 9
