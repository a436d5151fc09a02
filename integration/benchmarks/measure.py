"""The measurements themselves, each against a server and a worker that are other processes."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from durable_workflow import Client
from integration.benchmarks.figures import spread

QUEUE = "benchmark"
# A describe in this rhythm finds the end of a run; where the server holds the answer (Prefer: wait)
# nobody asks twice. It bounds what the measurement itself adds.
POLL_SECONDS = 0.002
_numbers = itertools.count(1)


async def run_one(client: Client, workflow_type: str, argument: Any) -> float:
    """Start a workflow, wait for its result, and return the seconds between."""
    began = time.perf_counter()
    handle = await client.start_workflow(
        workflow_type=workflow_type,
        task_queue=QUEUE,
        workflow_id=f"{workflow_type}-{next(_numbers)}",
        input=[argument],
    )
    result = await client.get_result(handle, poll_interval=POLL_SECONDS, timeout=600)
    seconds = time.perf_counter() - began
    assert result == argument, result
    return seconds


async def latency(client: Client, count: int) -> dict[str, float]:
    """Return the spread of one-activity workflows, one after the other."""
    return spread([await run_one(client, "one-activity", "x") for _ in range(count)])


async def throughput(client: Client, count: int, concurrency: int) -> dict[str, float]:
    """Return how many one-activity workflows a second complete, with so many in flight."""
    waiting = iter(range(count))
    times: list[float] = []

    async def run_in_turn() -> None:
        for _ in waiting:
            times.append(await run_one(client, "one-activity", "x"))

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(run_in_turn())
    seconds = time.perf_counter() - began
    each = spread(times)
    return {
        "workflows": count,
        "concurrency": concurrency,
        "workflows_per_second": round(count / seconds, 1),
        "p50_ms": each["p50_ms"],
        "p99_ms": each["p99_ms"],
    }


async def sequence(client: Client, steps: int) -> dict[str, float]:
    """Return how many steps a second one workflow of sequential activities makes."""
    seconds = await run_one(client, "sequence", steps)
    return {
        "steps": steps,
        "seconds": round(seconds, 2),
        "steps_per_second": round(steps / seconds, 1),
    }


async def messages(client: Client, steps: int, count: int) -> dict[str, Any]:
    """Return the spreads of queries and updates of a running workflow with some history."""
    handle = await client.start_workflow(
        workflow_type="listener",
        task_queue=QUEUE,
        workflow_id=f"listener-{next(_numbers)}",
        input=[steps],
    )
    assert await handle.update("count", wait_for="completed", wait_timeout_seconds=60) == 1
    queries: list[float] = []
    updates: list[float] = []
    for number in range(count):
        began = time.perf_counter()
        assert await handle.query("updates") == number + 1
        queries.append(time.perf_counter() - began)
        began = time.perf_counter()
        changed = await handle.update("count", wait_for="completed", wait_timeout_seconds=60)
        updates.append(time.perf_counter() - began)
        assert changed == number + 2
    await handle.signal("end")
    await client.get_result(handle, timeout=60)
    return {"steps_before": steps, "query": spread(queries), "update": spread(updates)}


async def fan_out(client: Client, width: int) -> dict[str, float]:
    """Return how long one workflow takes whose activities are all scheduled at once."""
    seconds = await run_one(client, "fan", width)
    return {
        "width": width,
        "seconds": round(seconds, 2),
        "activities_per_second": round(width / seconds, 1),
    }
