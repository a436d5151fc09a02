"""Make the schedule, fire it by hand, and pause it: python -m scheduled_report [TEAM]"""

import asyncio
import os
import sys

from durable_workflow import Client, ScheduleAction, ScheduleAlreadyExists, ScheduleSpec
from durable_workflow.client import ScheduleHandle

from .workflows import Report

URL = os.environ.get("DURABLE_WORKFLOW_SERVER_URL", "http://127.0.0.1:8080")


async def make_schedule(client: Client, team: str) -> ScheduleHandle:
    """A report at seven on each working day, in Berlin. One that is there stays as it is."""
    schedule_id = f"report-{team}"
    try:
        return await client.create_schedule(
            schedule_id=schedule_id,
            spec=ScheduleSpec(cron_expressions=["0 7 * * 1-5"], timezone="Europe/Berlin"),
            action=ScheduleAction(
                workflow_type="ticket-report", task_queue="reports", input=[team]
            ),
            overlap_policy="skip",  # no second report while one is under way
        )
    except ScheduleAlreadyExists:
        return client.get_schedule_handle(schedule_id)


async def show(schedule: ScheduleHandle) -> None:
    """Print how the schedule is."""
    described = await schedule.describe()
    note = f" ({described.note})" if described.note else ""
    print(f"{schedule.schedule_id} is {described.status}{note}", flush=True)


async def main(team: str) -> None:
    """Make the schedule and show what can be done with it."""
    async with Client(URL) as client:
        schedule = await make_schedule(client, team)
        await show(schedule)

        fired = await schedule.trigger()
        if fired.workflow_id is None:
            sys.exit(f"{fired.outcome}: {fired.reason}")
        report: Report = await client.get_workflow_handle(fired.workflow_id).result()
        print(f"sent to {report['sent_to']}: {report['text']}")

        await schedule.pause(note="holidays")
        await show(schedule)
        await schedule.resume(note="back at work")
        await show(schedule)
        events = [event.event_type async for event in schedule.iter_history()]
        print(*events[-4:])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["support"]))
