"""Schedules of a real server: the guide's chapter, real workers, and a server that is killed."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable_workflow import Client, ScheduleAction, ScheduleSpec
from durable_workflow.client import ScheduleHandle, ScheduleHistoryEvent
from durable_workflow.errors import InvalidArgument, ScheduleAlreadyExists, ScheduleNotFound
from integration.end_to_end.conftest import QUEUE
from integration.harness.histories import types, violations
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually

EACH_SECOND = ScheduleSpec(intervals=[{"every": "PT1S"}])
GREETING = ScheduleAction(workflow_type="greeter", task_queue=QUEUE, input=["scheduled"])


async def events_of(handle: ScheduleHandle) -> list[ScheduleHistoryEvent]:
    return [event async for event in handle.iter_history(limit=10)]


async def test_the_chapter_of_the_guide(client: Client) -> None:
    # It does not fire by itself in this test.
    minute = (datetime.now(UTC) + timedelta(minutes=30)).minute
    handle = await client.create_schedule(
        schedule_id="hourly-report",
        spec=ScheduleSpec(cron_expressions=[f"{minute} * * * *"]),
        action=ScheduleAction(workflow_type="greeter", task_queue=QUEUE, input=[{"format": "pdf"}]),
        overlap_policy="skip",
        jitter_seconds=30,
    )
    listed = await client.list_schedules()
    assert [each.schedule_id for each in listed.schedules] == ["hourly-report"]
    described = await handle.describe()
    assert described.next_fire_at is not None
    assert described.fires_count == 0

    await handle.pause(note="maintenance window")
    assert (await handle.describe()).status == "paused"
    await handle.resume(note="maintenance complete")
    result = await handle.trigger()
    assert result.outcome == "triggered"
    assert result.workflow_id is not None
    run = client.get_workflow_handle(result.workflow_id)
    assert await run.result(timeout=30) is not None
    backfill = await handle.backfill(
        start_time="2024-01-01T00:00:00Z", end_time="2024-01-02T00:00:00Z"
    )
    assert backfill.fires_attempted == 24
    await handle.update(
        spec=ScheduleSpec(cron_expressions=["*/30 * * * *"]), note="Changed to every 30 minutes"
    )
    assert (await handle.describe()).note == "Changed to every 30 minutes"

    sequences: list[int] = []
    page = await handle.history(limit=10)
    sequences += [event.sequence for event in page.events]
    while page.has_more and page.next_cursor is not None:
        page = await handle.history(limit=10, after_sequence=page.next_cursor)
        sequences += [event.sequence for event in page.events]
    assert sequences == list(range(1, len(sequences) + 1))
    await handle.delete()
    with pytest.raises(ScheduleNotFound):
        await handle.describe()
    assert (await events_of(handle))[-1].event_type == "ScheduleDeleted"


async def test_a_worker_replays_what_a_schedule_started(client: Client) -> None:
    handle = await client.create_schedule(spec=EACH_SECOND, action=GREETING, max_runs=2)
    assert handle.schedule_id == handle.schedule_id.upper()

    async def fired() -> list[ScheduleHistoryEvent]:
        return [each for each in await events_of(handle) if each.workflow_run_id is not None]

    fires = await eventually(fired, lambda seen: len(seen) == 2)
    for fire in fires:
        assert fire.workflow_instance_id is not None
        assert fire.workflow_run_id is not None
        run = client.get_workflow_handle(fire.workflow_instance_id)
        assert "scheduled" in str(await run.result(timeout=30))
        history = await client.get_history(fire.workflow_instance_id, fire.workflow_run_id)
        begin = ["StartAccepted", "WorkflowStarted", "ScheduleTriggered"]
        assert types(history["events"])[:3] == begin
        assert violations(history["events"]) == []
    assert (await events_of(handle))[-1].event_type == "ScheduleDeleted"


async def test_errors_are_typed(client: Client) -> None:
    action = ScheduleAction(workflow_type="greeter")
    spec = ScheduleSpec(cron_expressions=["0 0 1 1 *"], timezone="Europe/Berlin")
    handle = await client.create_schedule(schedule_id="typed", spec=spec, action=action)
    with pytest.raises(ScheduleAlreadyExists, match="typed"):
        await client.create_schedule(schedule_id="typed", spec=spec, action=action)
    with pytest.raises(InvalidArgument, match=r"spec\.cron_expressions\.0"):
        await handle.update(spec=ScheduleSpec(cron_expressions=["61 * * * *"]))
    with pytest.raises(InvalidArgument):
        await handle.backfill(start_time="2024-01-02", end_time="2024-01-01")
    await handle.delete()
    with pytest.raises(ScheduleNotFound, match="typed"):
        await handle.pause()
    with pytest.raises(ScheduleNotFound, match="nobody"):
        await client.get_schedule_handle("nobody").history()


async def test_fires_are_neither_lost_nor_doubled_when_the_server_is_killed(
    server: ServerProcess,
) -> None:
    async with Client(server.url) as client:
        handles = [
            await client.create_schedule(
                schedule_id=f"s{number}",
                spec=EACH_SECOND,
                action=GREETING,
                overlap_policy="allow_all",
            )
            for number in range(20)
        ]

        async def fires(handle: ScheduleHandle = handles[0]) -> int:
            return (await handle.describe()).fires_count

        for _ in range(4):
            await one_more(fires)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        for handle in handles:  # not all fire at the same moment
            await eventually(functools.partial(fires, handle), lambda count: count >= 5)
            await handle.pause()
        started = {run.run_id: run.workflow_id for run in await every_run(client)}
        for handle in handles:
            triggered = [
                each for each in await events_of(handle) if each.event_type == "ScheduleTriggered"
            ]
            payloads: list[dict[str, Any]] = [each.payload or {} for each in triggered]
            occurrences = [payload["occurrence_time"] for payload in payloads]
            assert len(set(occurrences)) == len(occurrences)
            numbers = [payload["trigger_number"] for payload in payloads]
            assert numbers == list(range(1, len(numbers) + 1))
            assert await fires(handle) == len(numbers) >= 5
            for each in triggered:
                assert started.pop(each.workflow_run_id or "") == each.workflow_instance_id
        assert started == {}


async def one_more(fires: Callable[[], Awaitable[int]]) -> None:
    """Wait for another fire."""
    before = await fires()
    await eventually(fires, lambda seen: seen > before)


async def every_run(client: Client) -> list[Any]:
    found: list[Any] = []
    token: str | None = None
    while True:
        page = await client.list_workflows(page_size=200, next_page_token=token)
        found += page.executions
        token = page.next_page_token
        if token is None:
            return found
