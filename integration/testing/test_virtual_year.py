"""A year of schedules and timers, in seconds."""

import time
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

from durable_workflow import Client, ScheduleAction, ScheduleSpec, workflow
from durable_workflow.testing import RunningWorker, WorkflowTestServer
from durable_workflow.workflow import WorkflowContext

Code = Generator[Any, Any, Any]
TIMERS = 1000
YEAR = timedelta(days=365)


@workflow.defn(name="tick")
class Tick:
    def run(self, ctx: WorkflowContext) -> Code:
        return None
        yield


@workflow.defn(name="timers")
class Timers:
    """Sets a thousand timers over most of a year."""

    def run(self, ctx: WorkflowContext) -> Code:
        between = int(YEAR.total_seconds()) // (TIMERS + 10)
        yield [ctx.start_timer(seconds=between * number) for number in range(1, TIMERS + 1)]
        return TIMERS


async def test_a_year_of_schedules_and_timers_takes_seconds(
    dw_server: WorkflowTestServer,
    dw_client: Client,
    dw_worker: Callable[..., RunningWorker],
) -> None:
    action = ScheduleAction(workflow_type="tick", task_queue="default")
    specs = {
        "hourly": ScheduleSpec(intervals=[{"every": "PT1H"}]),
        "daily": ScheduleSpec(cron_expressions=["30 2 * * *"], timezone="Europe/Berlin"),
        "weekly": ScheduleSpec(cron_expressions=["0 9 * * MON"], timezone="America/New_York"),
    }
    async with dw_worker(workflows=[Tick, Timers]):
        handles = {
            name: await dw_client.create_schedule(schedule_id=name, spec=spec, action=action)
            for name, spec in specs.items()
        }
        timers = await dw_client.start_workflow(
            workflow_type="timers", task_queue="default", workflow_id="timers"
        )
        began = time.monotonic()
        await dw_server.advance(YEAR)
        took = time.monotonic() - began
        assert await timers.result(timeout=20) == TIMERS
    fires = {name: (await handle.describe()).fires_count for name, handle in handles.items()}
    print(f"a year took {took:.2f} s: {fires}, {TIMERS} timers")
    assert fires["hourly"] == 365 * 24
    assert fires["daily"] == 365
    assert fires["weekly"] in (52, 53)
    described = await handles["hourly"].describe()
    assert described.info is not None
    assert described.info["skipped_trigger_count"] == 0
    assert took < 60  # a shared machine
