"""The handle of a schedule."""

from collections.abc import AsyncIterator
from typing import Any

import durable_workflow
from durable_workflow.client._arguments import Moment, WholeSeconds
from durable_workflow.client._results.schedule_history import (
    ScheduleHistoryEvent,
    ScheduleHistoryPage,
)
from durable_workflow.client._results.schedules import (
    ScheduleAction,
    ScheduleBackfillResult,
    ScheduleDescription,
    ScheduleSpec,
    ScheduleTriggerResult,
)

# Type hints name `durable_workflow.Client`, because the module of `Client` imports this one.


class ScheduleHandle:
    """A schedule.

    Attributes:
        schedule_id: Its id.
    """

    def __init__(self, client: "durable_workflow.Client", schedule_id: str) -> None:
        self._client = client
        self.schedule_id = schedule_id

    def __repr__(self) -> str:
        return f"ScheduleHandle(schedule_id={self.schedule_id!r})"

    async def describe(self) -> ScheduleDescription:
        """Describe the schedule. See `Client.describe_schedule`."""
        return await self._client.describe_schedule(self.schedule_id)

    async def update(
        self,
        *,
        spec: ScheduleSpec | None = None,
        action: ScheduleAction | None = None,
        overlap_policy: str | None = None,
        jitter_seconds: WholeSeconds | None = None,
        max_runs: int | None = None,
        memo: dict[str, Any] | None = None,
        search_attributes: dict[str, Any] | None = None,
        note: str | None = None,
    ) -> None:
        """Change the schedule. See `Client.update_schedule`."""
        await self._client.update_schedule(
            self.schedule_id,
            spec=spec,
            action=action,
            overlap_policy=overlap_policy,
            jitter_seconds=jitter_seconds,
            max_runs=max_runs,
            memo=memo,
            search_attributes=search_attributes,
            note=note,
        )

    async def pause(self, *, note: str | None = None) -> None:
        """Stop it from firing. See `Client.pause_schedule`."""
        await self._client.pause_schedule(self.schedule_id, note=note)

    async def resume(self, *, note: str | None = None) -> None:
        """Let it fire again. See `Client.resume_schedule`."""
        await self._client.resume_schedule(self.schedule_id, note=note)

    async def trigger(self, *, overlap_policy: str | None = None) -> ScheduleTriggerResult:
        """Fire it once, now. See `Client.trigger_schedule`."""
        return await self._client.trigger_schedule(self.schedule_id, overlap_policy=overlap_policy)

    async def delete(self) -> None:
        """Delete it. See `Client.delete_schedule`."""
        await self._client.delete_schedule(self.schedule_id)

    async def backfill(
        self, *, start_time: Moment, end_time: Moment, overlap_policy: str | None = None
    ) -> ScheduleBackfillResult:
        """Start the workflows of a time span. See `Client.backfill_schedule`."""
        return await self._client.backfill_schedule(
            self.schedule_id,
            start_time=start_time,
            end_time=end_time,
            overlap_policy=overlap_policy,
        )

    async def history(
        self, *, limit: int | None = None, after_sequence: int | None = None
    ) -> ScheduleHistoryPage:
        """Read one page of its history. See `Client.get_schedule_history`."""
        return await self._client.get_schedule_history(
            self.schedule_id, limit=limit, after_sequence=after_sequence
        )

    def iter_history(
        self, *, limit: int | None = None, after_sequence: int | None = None
    ) -> AsyncIterator[ScheduleHistoryEvent]:
        """Iterate over its history. See `Client.iter_schedule_history`."""
        return self._client.iter_schedule_history(
            self.schedule_id, limit=limit, after_sequence=after_sequence
        )
