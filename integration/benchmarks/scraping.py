"""Scrape `/metrics` of a server with very many ready tasks, and print how long others wait.

    python -m integration.benchmarks.scraping [--tasks 1000000] [--queues 1 20000]

The tasks are activities of one run, copied in SQL. `turns_ms` are the longest turns of the server's
loop, by processor time, in a scrape that counts anew and in ten that are told what was counted.
`others` are callers that ask for the server's health meanwhile, one request after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from integration.benchmarks.burst import latencies
from integration.benchmarks.turns import SAID
from integration.harness.processes import ServerProcess
from integration.harness.wire import Wire

AIMS = {"longest_turn_ms": 10}


async def main() -> None:
    """Measure each number of queues, and print."""
    parser = argparse.ArgumentParser(prog="scraping", description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--queues", type=int, nargs="*", default=[1, 20_000])
    chosen = parser.parse_args()
    found: dict[str, Any] = {"aims": AIMS}
    for queues in chosen.queues:
        with tempfile.TemporaryDirectory() as folder:
            db = Path(folder) / "state.db"
            fill(db, chosen.tasks, queues)
            found[f"{chosen.tasks} tasks in {queues} queues"] = await measure(db)
    print(json.dumps(found, indent=1))


def fill(db: Path, tasks: int, queues: int) -> None:
    """Have so many ready tasks in so many queues."""
    with ServerProcess(db) as server, Wire(server.url) as wire:
        wire.register("w", queue="q")
        wire.start("w", workflow_type="t", queue="q")
        task = wire.poll("workflow", "w", queue="q")
        wire.complete(task, {"type": "schedule_activity", "activity_type": "a", "queue": "many"})
    with closing(sqlite3.connect(db)) as connection:
        columns = [str(row[1]) for row in connection.execute("PRAGMA table_info(activities)")]
        changed = {
            "sequence": "sequence + n",
            "activity_id": "activity_id || n",
            "task_id": "task_id || n",
            "task_queue": f"'q-' || (n % {queues})",
        }
        values = ", ".join(changed.get(column, column) for column in columns)
        connection.execute(
            "WITH RECURSIVE numbers (n) AS "
            "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
            f"INSERT INTO activities SELECT {values} FROM activities, numbers",
            (tasks - 1,),
        )
        connection.commit()


async def measure(db: Path) -> dict[str, Any]:
    """The figures of one file."""
    python = (sys.executable, "-m", "integration.benchmarks.turns")
    with ServerProcess(db, python=python) as server:
        limits = httpx.Limits(max_connections=4)
        async with httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits) as http:
            await http.get("/api/health")
            times: list[float] = []
            others = [asyncio.create_task(ask(http, times)) for _ in range(2)]
            await asyncio.sleep(1)
            alone = latencies(times)
            times.clear()
            before = len(SAID.findall(server.process.output))
            began = time.perf_counter()
            answer = await http.get("/metrics")
            fresh = time.perf_counter() - began
            beside = latencies(times)
            after = len(SAID.findall(server.process.output))
            kept: list[float] = []
            for _ in range(10):
                began = time.perf_counter()
                await http.get("/metrics")
                kept.append(time.perf_counter() - began)
            for each in others:
                each.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        turns = [float(each) for each in SAID.findall(server.process.output)]
    assert "_ready_tasks{" in answer.text
    return {
        "fresh_ms": round(1000 * fresh),
        "kept_ms": [round(1000 * each, 1) for each in kept],
        "answer_bytes": len(answer.content),
        "turns_ms": {
            "fresh": sorted(turns[before:after], reverse=True)[:4],
            "kept": sorted(turns[after:], reverse=True)[:4],
        },
        "others_alone": alone,
        "others_beside": beside,
    }


async def ask(http: httpx.AsyncClient, times: list[float]) -> None:
    """Ask for the server's health until cancelled, and note how long that takes."""
    while True:
        began = time.perf_counter()
        await http.get("/api/health")
        times.append(time.perf_counter() - began)
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main())
