"""Let virtual time pass on a server with schedules and timers, and print how long it took, as JSON.

    python -m integration.benchmarks.virtual_year [--days 364] [--timers 1000]

One hourly, one daily and one weekly schedule, each of whose fires a real worker carries out, and
timers that are spread over the whole time. Server, worker and client share this process; the state
is in memory. Processor time is that of the whole process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

from durable_workflow import Client, ScheduleAction, ScheduleSpec, workflow
from durable_workflow.testing import WorkflowTestServer
from durable_workflow.workflow import WorkflowContext

AIMS = {"a_year_within_s": 10}
CRONS = {"hourly": "0 * * * *", "daily": "30 6 * * *", "weekly": "15 7 * * 1"}
_QUEUE = "default"
_TIMERS_OF_ONE = 100


@workflow.defn(name="tick")
class Tick:
    """What the schedules start."""

    def run(self, ctx: WorkflowContext) -> Generator[Any, Any, str]:
        """Yield nothing, and be done."""
        return ctx.now().isoformat()
        yield


@workflow.defn(name="sleeper")
class Sleeper:
    """Waits for timers, one after the other."""

    def run(
        self, ctx: WorkflowContext, first: float, step: float, naps: int
    ) -> Generator[Any, Any, int]:
        """Sleep `first` seconds, then `step` seconds until there were `naps` naps."""
        yield ctx.sleep(first)
        for _ in range(naps - 1):
            yield ctx.sleep(step)
        return naps


async def main() -> None:
    """Let the time pass, print."""
    parser = argparse.ArgumentParser(prog="virtual_year", description=__doc__)
    parser.add_argument("--days", type=int, default=364)
    parser.add_argument("--timers", type=int, default=1000)
    chosen = parser.parse_args()
    print(json.dumps(await virtual(chosen.days, chosen.timers), indent=1))


async def virtual(days: int, timers: int) -> dict[str, Any]:
    """The figures of so many days."""
    with WorkflowTestServer() as server:
        async with server.client() as client, server.worker(workflows=[Tick, Sleeper]):
            for name, cron in CRONS.items():
                await client.create_schedule(
                    schedule_id=name,
                    spec=ScheduleSpec(cron_expressions=[cron]),
                    action=ScheduleAction(workflow_type="tick", task_queue=_QUEUE),
                )
            sleepers = await start_sleepers(client, days, timers)
            start, wall, cpu = server.now(), time.perf_counter(), time.process_time()
            await server.advance(timedelta(days=days))
            took = time.perf_counter() - wall, time.process_time() - cpu
            fires = {name: (await client.describe_schedule(name)).fires_count for name in CRONS}
            naps = [await each.result(timeout=5) for each in sleepers]
            return {
                "days": (server.now() - start) / timedelta(days=1),
                "fires": fires,
                "fires_expected": {name: occurrences(name, start, server.now()) for name in CRONS},
                "timers": sum(naps),
                "wall_s": round(took[0], 2),
                "cpu_s": round(took[1], 2),
                "aims": AIMS,
            }


async def start_sleepers(client: Client, days: int, timers: int) -> list[Any]:
    """Start workflows that together have so many timers, each at a moment of its own."""
    count = -(-timers // _TIMERS_OF_ONE)
    step = days * 86_400 / (_TIMERS_OF_ONE + 1)
    return [
        await client.start_workflow(
            workflow_type="sleeper",
            task_queue=_QUEUE,
            workflow_id=f"sleeper-{number}",
            input=[
                step * (number + 1) / count,
                step,
                min(_TIMERS_OF_ONE, timers - number * _TIMERS_OF_ONE),
            ],
        )
        for number in range(count)
    ]


def occurrences(name: str, start: datetime, end: datetime) -> int:
    """How often a schedule should have fired after `start` and up to `end`."""
    every, first = {
        "hourly": (timedelta(hours=1), timedelta(0)),
        "daily": (timedelta(days=1), timedelta(hours=6, minutes=30)),
        "weekly": (timedelta(days=7), timedelta(hours=7, minutes=15)),
    }[name]
    monday = datetime(2024, 1, 1, tzinfo=start.tzinfo) + first
    return (end - monday) // every - (start - monday) // every


if __name__ == "__main__":
    asyncio.run(main())
