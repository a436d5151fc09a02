"""Schedules of the services' server, as a caller would ask for them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    BackfillSchedule,
    CreateSchedule,
    NamedSchedule,
    NoteSchedule,
    ReadScheduleHistory,
    TriggerSchedule,
    UpdateSchedule,
)
from durable_workflow.server.services import backfills, schedules
from durable_workflow.server.store.protocol import Store
from durable_workflow.server.views import schedules as views

Json = dict[str, Any]
# The manual clock begins at midnight.
HOURLY: Json = {"intervals": [{"every": "PT1H"}]}
ACTION: Json = {"workflow_type": "flow", "task_queue": "q", "input": ["x"]}


class Schedules:
    """Schedules over a real store."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.store: Store = server.store

    async def ask(self, service: Any, request: Any) -> Reply:
        reply: Reply = await self.server.run(service, self.server.caller, request)
        return reply

    async def create(self, schedule_id: str = "s", **fields: Any) -> Reply:
        given: Json = {"schedule_id": schedule_id, "spec": HOURLY, "action": ACTION}
        request = CreateSchedule(**given | fields)
        return await self.ask(schedules.create, request)

    async def update(self, **fields: Any) -> Reply:
        request = UpdateSchedule(schedule_id="s", **fields)
        return await self.ask(schedules.update, request)

    async def delete(self, schedule_id: str = "s") -> Reply:
        request = NamedSchedule(schedule_id=schedule_id)
        return await self.ask(schedules.delete, request)

    async def pause(self, note: str | None = None) -> Reply:
        request = NoteSchedule(schedule_id="s", note=note)
        return await self.ask(schedules.pause, request)

    async def resume(self, note: str | None = None) -> Reply:
        request = NoteSchedule(schedule_id="s", note=note)
        return await self.ask(schedules.resume, request)

    async def trigger(self, policy: str | None = None) -> Reply:
        request = TriggerSchedule(schedule_id="s", overlap_policy=policy)
        return await self.ask(schedules.trigger, request)

    async def backfill(self, start: str, end: str, policy: str | None = None) -> Json:
        request = BackfillSchedule(
            schedule_id="s", start_time=start, end_time=end, overlap_policy=policy
        )
        server = self.server
        reply = await backfills.backfill(server.store, server.caller, request, server.settings)
        return reply.body

    async def describe(self, schedule_id: str = "s") -> Json:
        asked = NamedSchedule(schedule_id=schedule_id)
        shown: Json = await self.store.read(lambda read: views.describe(read, "default", asked))
        return shown

    async def history(self, **fields: Any) -> Json:
        asked = ReadScheduleHistory(schedule_id="s", **fields)
        shown = await self.store.read(lambda read: views.history(read, "default", asked))
        read: Json = msgspec.json.decode(msgspec.json.encode(shown))
        return read

    async def types(self) -> list[str]:
        return [event["event_type"] for event in (await self.history())["events"]]

    async def runs(self) -> list[Json]:
        """What was started, oldest first."""
        rows: list[Json] = (await self.server.listed())["workflows"]
        return rows[::-1]

    async def finish(self, **fields: Any) -> None:
        """Complete the oldest open run of a schedule."""
        done = {"type": "complete_workflow", "result": {"codec": "json", "blob": "1"}}
        await self.server.complete(await self.server.task(), done | fields)


@pytest.fixture
def planned(server: Any) -> Schedules:
    return Schedules(server)
