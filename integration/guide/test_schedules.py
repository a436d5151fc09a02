# The programs stand in the guide's own words.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, type-arg"
# pyright: basic
"""The user guide's chapter on schedules."""

from collections.abc import AsyncIterator

import pytest

from durable_workflow import Client, ScheduleAction, ScheduleNotFound, ScheduleSpec
from durable_workflow.server.clock import ManualClock
from durable_workflow.server.embedded import embedded_server


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Of a server whose time stands: no hour strikes, so that nothing fires by itself."""
    async with embedded_server(clock=ManualClock()) as url, Client(url) as client:
        yield client


async def test_the_life_of_a_schedule(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    # Create a schedule
    handle = await client.create_schedule(
        schedule_id="hourly-report",
        spec=ScheduleSpec(cron_expressions=["0 * * * *"]),
        action=ScheduleAction(
            workflow_type="generate-report",
            task_queue="default",
            input=[{"format": "pdf"}],
        ),
        overlap_policy="skip",
        jitter_seconds=30,
    )

    # List all schedules
    schedule_list = await client.list_schedules()

    # Describe a schedule
    desc = await handle.describe()
    print(f"Next fire: {desc.next_fire_at}")
    print(f"Total fires: {desc.fires_count}")

    # Pause and resume
    await handle.pause(note="maintenance window")
    await handle.resume(note="maintenance complete")

    # Trigger immediately
    result = await handle.trigger()

    # Backfill missed runs
    backfill = await handle.backfill(
        start_time="2024-01-01T00:00:00Z",
        end_time="2024-01-02T00:00:00Z",
    )

    # Update the schedule
    await handle.update(
        spec=ScheduleSpec(cron_expressions=["*/30 * * * *"]),
        note="Changed to every 30 minutes",
    )

    # Read the audit history stream (paused/resumed/triggered/updated events)
    page = await handle.history(limit=100)
    for event in page.events:
        print(event.sequence, event.event_type, event.recorded_at)
    while page.has_more and page.next_cursor is not None:
        page = await handle.history(limit=100, after_sequence=page.next_cursor)
        for event in page.events:
            print(event.sequence, event.event_type, event.recorded_at)

    # Or iterate every event without managing cursors
    async for event in handle.iter_history():
        print(event.sequence, event.event_type)

    # Delete the schedule (history survives the delete for audit)
    await handle.delete()

    assert [each.schedule_id for each in schedule_list.schedules] == ["hourly-report"]
    assert desc.next_fire_at is not None
    assert desc.fires_count == 0
    assert result.outcome == "triggered"
    assert backfill.fires_attempted == 24
    with pytest.raises(ScheduleNotFound):
        await handle.describe()
    kinds = [event.event_type async for event in handle.iter_history(limit=10)]
    begin = ["ScheduleCreated", "SchedulePaused", "ScheduleResumed", "ScheduleTriggered"]
    assert kinds[:4] == begin
    assert kinds[-2:] == ["ScheduleUpdated", "ScheduleDeleted"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"Next fire: {desc.next_fire_at}", "Total fires: 0"]
    told = [" ".join(line.split()[:2]) for line in lines[2:]]
    assert told[: len(told) // 2] == told[len(told) // 2 :]
    assert told[0] == "1 ScheduleCreated"
