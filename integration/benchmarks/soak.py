"""Work at half of peak for an hour, and print what grows, as JSON.

    python -m integration.benchmarks.soak [--seconds 3600] [--peak-seconds 20] [--db FILE]

Server, worker and client are three processes. First the peak is measured, with many workflows in
flight; then workflows are started at half of that rate, however long they take. Memory and the log
are looked at all the while. The first third is not judged, and the server's memory not before the
database is larger than the pages that a connection keeps in memory: until then it grows with it. A
run that is too short for that has null for the slope. Exits with 1 where anything that was judged
is not within the bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from durable_workflow import Client
from integration.benchmarks import measure
from integration.benchmarks.figures import resident_megabytes, spread
from integration.harness.processes import ServerProcess, worker_process

PROGRAMS = "integration.benchmarks.programs"
# The log is cut back to 64 MiB after each checkpoint (`journal_size_limit`).
BOUNDS = {"megabytes_an_hour": 1.0, "p99_drift": 0.20, "log_megabytes": 64.0}
_CONCURRENCY = 50
_SAMPLES = 120
# A connection keeps 64 MiB of pages (`cache_size`); with some room.
_CACHE_MEGABYTES = 80.0
_FEWEST_SAMPLES = 10


class Sample(NamedTuple):
    """What was seen at one moment, in seconds since the beginning and megabytes."""

    at: float
    server: float
    worker: float
    database: float
    log: float


async def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--peak-seconds", type=float, default=20)
    parser.add_argument("--db", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        db = chosen.db or Path(folder) / "state.db"
        with (
            ServerProcess(db) as server,
            worker_process(
                server.url,
                PROGRAMS,
                task_queue=measure.QUEUE,
                concurrency=_CONCURRENCY,
                quiet=True,
            ) as worker,
        ):
            async with Client(server.url) as client:
                peak = await peak_of(client, chosen.peak_seconds)
                print(f"peak {peak:.0f} workflows a second", file=sys.stderr, flush=True)
                pids = (server.process.pid, worker.pid)
                found = await soak(client, peak / 2, chosen.seconds, pids, db)
    print(json.dumps({"peak_per_second": round(peak, 1), **found}, indent=2))
    return 1 if False in found["within"].values() else 0


async def peak_of(client: Client, seconds: float) -> float:
    """How many workflows a second complete with many in flight."""
    until = time.perf_counter() + seconds
    done = 0

    async def in_turn() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await measure.run_one(client, "one-activity", "x")
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*[in_turn() for _ in range(_CONCURRENCY)])
    return done / (time.perf_counter() - began)


async def soak(
    client: Client, rate: float, seconds: float, pids: tuple[int, int], db: Path
) -> dict[str, Any]:
    """Start `rate` workflows a second; the figures, and whether they are within the bounds."""
    samples: list[Sample] = []
    times: list[tuple[float, float]] = []
    began = time.perf_counter()

    async def one() -> None:
        started = time.perf_counter() - began
        times.append((started, await measure.run_one(client, "one-activity", "x")))

    def sample() -> None:
        server, worker = (resident_megabytes(pid)["now_mb"] for pid in pids)
        database, log = (os.stat(name).st_size / 2**20 for name in (db, f"{db}-wal"))
        samples.append(Sample(time.perf_counter() - began, server, worker, database, log))

    async with asyncio.TaskGroup() as group:
        number = 0
        while (now := time.perf_counter() - began) < seconds:
            if now >= len(samples) * seconds / _SAMPLES:
                sample()
            while number < rate * now:
                group.create_task(one())
                number += 1
            await asyncio.sleep(min(0.02, 1 / rate))  # the clock of the load
    return _figures(rate, seconds, samples, times)


def _figures(
    rate: float, seconds: float, samples: Sequence[Sample], times: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    settled = [each for each in samples if each.at >= seconds / 3]
    full = [each for each in settled if each.database >= _CACHE_MEGABYTES]
    slopes = {
        "server": slope([(each.at, each.server) for each in full]),
        "worker": slope([(each.at, each.worker) for each in settled]),
    }
    middle = spread([took for at, took in times if seconds / 3 <= at < seconds * 2 / 3])
    last = spread([took for at, took in times if at >= seconds * 2 / 3])
    drift = last["p99_ms"] / middle["p99_ms"] - 1
    log = max(each.log for each in samples)
    return {
        "rate_per_second": round(rate, 1),
        "seconds": seconds,
        "workflows": len(times),
        "memory_mb": {"first": samples[0]._asdict(), "last": samples[-1]._asdict()},
        "megabytes_an_hour": slopes,
        "p99_ms": {"second_third": middle["p99_ms"], "last_third": last["p99_ms"]},
        "p99_drift": round(drift, 3),
        "log_megabytes": round(log, 1),
        "bounds": BOUNDS,
        "within": {
            **{f"memory of the {who}": _is_low(rise) for who, rise in slopes.items()},
            "p99": drift < BOUNDS["p99_drift"],
            "log": log <= BOUNDS["log_megabytes"],
        },
    }


def _is_low(rise: float | None) -> bool | None:
    return None if rise is None else rise < BOUNDS["megabytes_an_hour"]


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """How much a line through the points rises in an hour; None where they are too few."""
    if len(points) < _FEWEST_SAMPLES:
        return None
    line = statistics.linear_regression([at for at, _ in points], [value for _, value in points])
    return round(3600 * line.slope, 2)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
