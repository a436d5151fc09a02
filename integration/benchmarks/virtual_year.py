"""Let virtual time pass on a server with schedules and timers, and print how long it took, as JSON.

    python -m integration.benchmarks.virtual_year [--days 364] [--timers 1000] [--server-only]

One hourly, one daily and one weekly schedule, and timers that are spread over the whole time. A
real worker carries out each fire; server, worker and client share this process, and the state is in
memory. All of them have the loops that `dw-server` and `dw-worker` run on. With `--server-only`
there is no worker: the clock is told, and what a fire starts stays ready. Processor time is that of
the whole process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

from durable_workflow import (
    Client,
    ScheduleAction,
    ScheduleSpec,
    Worker,
    WorkflowHandle,
    workflow,
)
from durable_workflow._event_loops import loop_factory
from durable_workflow.server.clock import MICROSECONDS, ManualClock
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.services import due
from durable_workflow.server.serving import serving
from durable_workflow.server.settings import Settings
from durable_workflow.server.store import Read
from durable_workflow.testing import WorkflowTestServer
from durable_workflow.workflow import WorkflowContext

AIMS = {"a_year_within_s": 10}
CRONS = {"hourly": "0 * * * *", "daily": "30 6 * * *", "weekly": "15 7 * * 1"}
_QUEUE = "default"
_EVER = 1 << 60
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
    """Waits for many timers at once."""

    def run(
        self, ctx: WorkflowContext, first: float, step: float, count: int
    ) -> Generator[Any, Any, int]:
        """Sleep until `count` timers have fired, the first after `first` seconds."""
        yield [ctx.sleep(first + number * step) for number in range(count)]
        return count


async def main() -> None:
    """Let the time pass, print."""
    parser = argparse.ArgumentParser(prog="virtual_year", description=__doc__)
    parser.add_argument("--days", type=int, default=364)
    parser.add_argument("--timers", type=int, default=1000)
    parser.add_argument("--server-only", action="store_true")
    chosen = parser.parse_args()
    measure = without_worker if chosen.server_only else with_worker
    print(json.dumps(await measure(chosen.days, chosen.timers), indent=1))


async def with_worker(days: int, timers: int) -> dict[str, Any]:
    """The figures of so many days in which a worker carries out what becomes ready."""
    with WorkflowTestServer() as server:
        async with server.client() as client, server.worker(workflows=[Tick, Sleeper]):
            await create_schedules(client)
            sleepers = await start_sleepers(client, days, timers)
            start, stopwatch = server.now(), Stopwatch()
            await server.advance(timedelta(days=days))
            took = stopwatch.read()
            fires = await counted(client, start, server.now())
            fired = [await each.result(timeout=30) for each in sleepers]
            return {**fires, "timers": sum(fired), **took, "aims": AIMS}


async def without_worker(days: int, timers: int) -> dict[str, Any]:
    """The figures of so many days in which nobody takes the tasks that become ready."""
    clock = ManualClock()
    server = Server(Settings(db=":memory:", port=0), clock=clock)
    await server.start()
    async with serving(server) as url, Client(url) as client:
        await server.timers.stop()  # it runs when it is told to
        await create_schedules(client)
        worker = Worker(client, task_queue=_QUEUE, workflows=[Sleeper])
        running = asyncio.create_task(worker.run())
        await start_sleepers(client, days, timers)
        while await open_timers(server, timers) < timers:  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.01)
        await worker.stop()
        await running
        start, end = clock.now(), clock.now() + days * 86_400 * MICROSECONDS
        stopwatch, done = Stopwatch(), 0
        while (at := await server.store.read(due.next_due)) is not None and at <= end:
            clock.advance_to(at)
            done += await server.timers.run_due()
        took = stopwatch.read()
        fires = await counted(client, moment(start), moment(end))
        left = await open_timers(server, timers)
    await server.stop()
    return {**fires, "timers": timers - left, **took, "aims": AIMS}


class Stopwatch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Seconds by the clock and of the processor."""
        return {
            "wall_s": round(time.perf_counter() - self._wall, 2),
            "cpu_s": round(time.process_time() - self._cpu, 2),
        }


async def create_schedules(client: Client) -> None:
    """Make the three of them."""
    for name, cron in CRONS.items():
        await client.create_schedule(
            schedule_id=name,
            spec=ScheduleSpec(cron_expressions=[cron]),
            action=ScheduleAction(workflow_type="tick", task_queue=_QUEUE),
            overlap_policy="allow_all",
        )


async def counted(client: Client, start: datetime, end: datetime) -> dict[str, Any]:
    """How often the schedules have fired, and how often they should have."""
    fires = {name: (await client.describe_schedule(name)).fires_count for name in CRONS}
    return {
        "days": round((end - start) / timedelta(days=1), 3),
        "fires": fires,
        "fires_expected": {name: occurrences(name, start, end) for name in CRONS},
    }


async def start_sleepers(client: Client, days: int, timers: int) -> list[WorkflowHandle]:
    """Start workflows that together have so many timers, each at a moment of its own."""
    step = days * 86_400 / (timers + 1)
    return [
        await client.start_workflow(
            workflow_type="sleeper",
            task_queue=_QUEUE,
            workflow_id=f"sleeper-{first}",
            input=[step * (first + 1), step, min(_TIMERS_OF_ONE, timers - first)],
        )
        for first in range(0, timers, _TIMERS_OF_ONE)
    ]


async def open_timers(server: Server, most: int) -> int:
    """How many timers have not fired."""

    def count(read: Read) -> int:
        return len(read.all("runs_of_due_timers", now=_EVER, most=most))

    return await server.store.read(count)


def moment(microseconds: int) -> datetime:
    """A moment as a time of day."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)


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
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())
