"""Measure how long everything stands after kill -9: python -m integration.benchmarks.recovery.

Sequences of activities run while the worker, the server or both are killed and started again a
second later. What stood still is the longest time between two completed activities, of all runs
together: the second, the start of the process and the return of the tasks are in it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from durable_workflow import Client
from integration.harness.processes import ManagedProcess, ServerProcess, start_worker

PROGRAMS = "integration.benchmarks.programs"
_RUNS = 5
_STEPS = 100_000
_AWAY_SECONDS = 1.0
# How long the runs go on before a kill, and from the start of what was killed.
_BEFORE_SECONDS = 1.5
_AFTER_SECONDS = 4.0


async def completed(client: Client) -> list[datetime]:
    """When activities of the runs were completed, in order."""
    found: list[datetime] = []
    for number in range(_RUNS):
        described = await client.describe_workflow(f"sequence-{number}")
        assert described.run_id is not None
        document = await client.get_history(described.workflow_id, described.run_id)
        events: list[dict[str, Any]] = document["events"]
        found += [
            datetime.fromisoformat(event["timestamp"])
            for event in events
            if event["event_type"] == "ActivityCompleted"
        ]
    return sorted(found)


async def stall(folder: Path, killed: Sequence[str]) -> float:
    """Seconds for which nothing was completed while these were killed and started again."""
    with ServerProcess(folder / "state.db") as server:
        workers: list[ManagedProcess] = []

        def work() -> None:
            workers.append(start_worker(server.url, PROGRAMS, quiet=True))

        work()
        try:
            async with Client(server.url) as client:
                for number in range(_RUNS):
                    await client.start_workflow(
                        workflow_type="sequence",
                        task_queue="default",
                        workflow_id=f"sequence-{number}",
                        input=[_STEPS],
                    )
                await asyncio.sleep(_BEFORE_SECONDS)
                if "worker" in killed:
                    workers[-1].kill()
                if "server" in killed:
                    server.kill()
                await asyncio.sleep(_AWAY_SECONDS)
                starts = [work] if "worker" in killed else []
                starts += [server.start] if "server" in killed else []
                await asyncio.gather(*(asyncio.to_thread(start) for start in starts))
                await asyncio.sleep(_AFTER_SECONDS)
                times = await completed(client)
        finally:
            for worker in workers:
                worker.dispose()
    gaps = [(later - sooner).total_seconds() for sooner, later in itertools.pairwise(times)]
    return max(gaps)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    rounds = arguments.parse_args().rounds
    figures: dict[str, Any] = {"away_seconds": _AWAY_SECONDS}
    for killed in (["worker"], ["server"], ["server", "worker"]):
        seen: list[float] = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                seen.append(round(asyncio.run(stall(Path(folder), killed)), 2))
        figures[" and ".join(killed)] = {"median": median(seen), "all": seen}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
