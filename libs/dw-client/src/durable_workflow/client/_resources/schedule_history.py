"""Methods about the history of schedules."""

from collections.abc import AsyncIterator

from durable_workflow.client._call import Call, reading
from durable_workflow.client._results.schedule_history import (
    ScheduleHistoryEvent,
    ScheduleHistoryPage,
    history_page,
)
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session


class ScheduleHistoryMethods(Session):
    """What happened to a schedule: fires, skips, changes."""

    async def get_schedule_history(
        self, schedule_id: str, *, limit: int | None = None, after_sequence: int | None = None
    ) -> ScheduleHistoryPage:
        """Read one page of the history of a schedule. Deleted schedules keep theirs.

        Args:
            schedule_id: Its id.
            limit: Most events of the page.
            after_sequence: Only events after this one.

        Raises:
            ScheduleNotFound: There never was one of that id.
            ValueError: `limit` is less than 1, or `after_sequence` is negative.
        """
        if limit is not None and limit < 1:
            raise ValueError("limit must be at least 1")
        if after_sequence is not None and after_sequence < 0:
            raise ValueError("after_sequence must not be negative")
        return await self._send(
            Call(
                "GET",
                Route.SCHEDULE_HISTORY,
                reading(lambda data: history_page(data, schedule_id)),
                path={"schedule_id": schedule_id},
                query={"limit": limit, "after_sequence": after_sequence},
            )
        )

    async def iter_schedule_history(
        self, schedule_id: str, *, limit: int | None = None, after_sequence: int | None = None
    ) -> AsyncIterator[ScheduleHistoryEvent]:
        """Iterate over the history of a schedule, page by page.

        Args:
            schedule_id: Its id.
            limit: Most events of a page.
            after_sequence: Only events after this one.

        Yields:
            The events, ascending.

        Raises:
            ScheduleNotFound: There never was one of that id.
            ValueError: `limit` is less than 1, or `after_sequence` is negative.
        """
        while True:
            page = await self.get_schedule_history(
                schedule_id, limit=limit, after_sequence=after_sequence
            )
            for event in page.events:
                yield event
            # A server that repeats the cursor would give the same page for ever.
            if not page.has_more or page.next_cursor in (None, after_sequence):
                return
            after_sequence = page.next_cursor
