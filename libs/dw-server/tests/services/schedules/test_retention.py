"""What is older than the retention of its namespace goes from the histories of schedules."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.refusals import Refused
from durable_workflow.server.services import retention

DAY = 86_400


async def types(planned: Any) -> list[str]:
    return [each["event_type"] for each in (await planned.history(limit=500))["events"]]


async def test_old_records_go_and_the_schedule_stays(planned: Any) -> None:
    server = planned.server
    await planned.create()
    for _ in range(100):
        await planned.pause()
    server.clock.advance(20 * DAY)
    await planned.pause("late")
    await retention.remove_expired(server.store)
    assert len(await types(planned)) == 102
    server.clock.advance(11 * DAY)
    await retention.remove_expired(server.store)
    events = (await planned.history())["events"]
    assert [(each["sequence"], each["payload"]["reason"]) for each in events] == [(102, "late")]
    await planned.resume()
    assert [each["sequence"] for each in (await planned.history())["events"]] == [102, 103]


async def test_the_history_of_a_deleted_schedule_stays_as_long_as_any(planned: Any) -> None:
    server = planned.server
    await planned.create()
    await planned.delete()
    server.clock.advance(29 * DAY)
    await retention.remove_expired(server.store)
    assert await types(planned) == ["ScheduleCreated", "ScheduleDeleted"]
    server.clock.advance(2 * DAY)
    await retention.remove_expired(server.store)
    with pytest.raises(Refused, match="schedule_not_found"):
        await planned.history()
