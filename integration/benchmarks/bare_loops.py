"""Loops that do nothing but one thing, in the same run: what the figures are compared with."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import httpx

from integration.benchmarks.figures import spread


def fsyncs(folder: Path, count: int) -> dict[str, float]:
    """Append 4 KiB and fsync, again and again, in the folder of the state file."""
    path, page = folder / "fsync", os.urandom(4096)
    times: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(count):
            began = time.perf_counter()
            file.write(page)
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    path.unlink()
    return spread(times)


async def describes(url: str, workflow_id: str, count: int) -> dict[str, float]:
    """Describe one closed workflow with a bare httpx client, one request after the other."""
    headers = {"X-Durable-Workflow-Control-Plane-Version": "2", "X-Namespace": "default"}
    times: list[float] = []
    async with httpx.AsyncClient(base_url=url, headers=headers) as http:
        for _ in range(count):
            began = time.perf_counter()
            response = await http.get(f"/api/workflows/{workflow_id}")
            times.append(time.perf_counter() - began)
            response.raise_for_status()
    return spread(times)


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Return what the workflow figures are as multiples of the bare loops."""
    describe = figures["bare"]["describe"]["p50_ms"]
    fsync = figures["bare"]["fsync"]["p50_ms"]
    latency = figures["latency"]["p50_ms"]
    per_workflow = 1000 / figures["throughput"]["workflows_per_second"]
    return {
        "latency_p50_in_describes": round(latency / describe, 2),
        "latency_p50_in_fsyncs": round(latency / fsync, 2),
        "workflow_at_50_in_flight_in_describes": round(per_workflow / describe, 2),
        **{
            f"step_of_{steps['steps']}_in_describes": round(
                1000 / steps["steps_per_second"] / describe, 2
            )
            for steps in figures["sequences"]
        },
    }
