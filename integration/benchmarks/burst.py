"""Have many schedules fall due in one second, and print how long others wait meanwhile, as JSON.

    python -m integration.benchmarks.burst [--schedules 10000] [--db FILE]

The server is a process of its own. Two callers start and describe workflows all the while, one
request after the other; their times before the burst and during it are what is compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from durable_workflow import Client, ScheduleAction, ScheduleSpec
from integration.benchmarks.figures import cpu_seconds
from integration.harness.processes import ServerProcess

AIMS = {"started_within_s": 10, "others_p99_ms": 50}
_AT_ONCE = 20
# How long the first measurement of the others takes, and the quiet before the burst.
_QUIET_SECONDS = 5.0
_LONGEST_BURST_SECONDS = 120.0


async def main() -> None:
    """Make the schedules, wait for their second, measure, print."""
    parser = argparse.ArgumentParser(prog="burst", description=__doc__)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--db", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = chosen.db or Path(folder) / "burst.db"
        with ServerProcess(db) as server:
            async with Client(server.url) as client:
                print(json.dumps(await burst(client, server, db, chosen.schedules), indent=1))


async def burst(client: Client, server: ServerProcess, db: Path, count: int) -> dict[str, Any]:
    """The figures of one burst."""
    await create(client, count)
    at = first_minute_after(datetime.now(UTC) + timedelta(seconds=_QUIET_SECONDS + count / 100))
    await aim(client, count, at)
    times: list[float] = []
    others = [asyncio.create_task(call(client, each, times)) for each in range(2)]
    await asyncio.sleep(_QUIET_SECONDS)
    before = latencies(times)
    await asyncio.sleep((at - datetime.now(UTC)).total_seconds())
    times.clear()
    cpu = cpu_seconds(server.process.pid)
    while started(db)[0] < count:
        await asyncio.sleep(0.1)
        if (datetime.now(UTC) - at).total_seconds() > _LONGEST_BURST_SECONDS:
            break
    during = latencies(times)
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    found, last = started(db)
    return {
        "schedules": count,
        "started": found,
        "started_within_s": round(last / 1e6 - at.timestamp(), 2),
        "server_cpu_s": round(cpu_seconds(server.process.pid) - cpu, 2),
        "others_before": before,
        "others_during": during,
        "aims": AIMS,
    }


async def create(client: Client, count: int) -> None:
    """Make the schedules, due in a far time."""
    spec = ScheduleSpec(cron_expressions=["0 0 1 1 *"])

    async def some(first: int) -> None:
        for number in range(first, count, _AT_ONCE):
            action = ScheduleAction(workflow_type="burst", task_queue="burst", input=[number])
            await client.create_schedule(schedule_id=f"s{number}", spec=spec, action=action)

    await asyncio.gather(*map(some, range(_AT_ONCE)))


async def aim(client: Client, count: int, at: datetime) -> None:
    """Have all of them fire at one moment."""
    spec = ScheduleSpec(cron_expressions=[f"{at.minute} {at.hour} {at.day} {at.month} *"])

    async def some(first: int) -> None:
        for number in range(first, count, _AT_ONCE):
            await client.update_schedule(f"s{number}", spec=spec)

    await asyncio.gather(*map(some, range(_AT_ONCE)))
    if datetime.now(UTC) >= at:
        raise RuntimeError("the machine is too slow: the moment came before all were ready")


async def call(client: Client, caller: int, times: list[float]) -> None:
    """Start and describe workflows until cancelled, and note how long each request takes."""
    number = 0
    while True:
        workflow_id = f"other-{caller}-{number}"
        number += 1
        began = time.perf_counter()
        await client.start_workflow(
            workflow_type="other", task_queue="others", workflow_id=workflow_id
        )
        middle = time.perf_counter()
        await client.describe_workflow(workflow_id)
        times += [middle - began, time.perf_counter() - middle]
        await asyncio.sleep(0.005)


def first_minute_after(moment: datetime) -> datetime:
    """The next full minute."""
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)


def started(db: Path) -> tuple[int, int]:
    """How many runs of schedules there are, and when the last one was started."""
    with closing(sqlite3.connect(f"{db.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        text = "SELECT count(*), coalesce(max(started_at), 0) FROM runs WHERE schedule_id NOT NULL"
        count, last = connection.execute(text).fetchone()
        return int(count), int(last)


def latencies(times: list[float]) -> dict[str, float]:
    """Requests, and the median and 99th percentile of their times."""
    milliseconds = [1000 * each for each in times]
    return {
        "requests": len(times),
        "p50_ms": round(median(milliseconds), 1),
        "p99_ms": round(quantiles(milliseconds, n=100)[98], 1),
        "longest_ms": round(max(milliseconds), 1),
    }


if __name__ == "__main__":
    asyncio.run(main())
