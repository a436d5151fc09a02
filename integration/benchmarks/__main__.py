"""Measure, and print JSON: scripts/benchmark [--quick] [--profile FOLDER] [--beside restate].

Server, worker and client are three processes on one machine. Next to the figures stand bare loops
from the same run, so that figures of two machines can be compared by their ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from durable_workflow import Client
from integration.benchmarks import measure
from integration.benchmarks.bare_loops import describes, fsyncs, ratios
from integration.benchmarks.cold_start import cold_start
from integration.benchmarks.figures import cpu_seconds, resident_megabytes
from integration.harness.processes import ManagedProcess, ServerProcess, worker_process

PROGRAMS = "integration.benchmarks.programs"
AIMS = {"latency_p50_ms": 15, "workflows_per_second": 100, "steps_per_second": 250}


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__)
    parser.add_argument("--latency", type=int, default=200, help="workflows, one by one")
    parser.add_argument("--throughput", type=int, default=600, help="workflows, many at a time")
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--steps", type=int, nargs="*", default=[100, 1000, 3000])
    parser.add_argument("--fan-out", type=int, nargs="*", default=[200])
    parser.add_argument("--messages", type=int, default=100, help="queries and updates, each")
    parser.add_argument(
        "--cached-workflows", type=int, default=1000, help="machines a worker keeps; 0 replays all"
    )
    parser.add_argument("--bare", type=int, default=300, help="rounds of each bare loop")
    parser.add_argument("--cold", type=int, default=5, help="repeats of each cold start; 0 skips")
    parser.add_argument("--worker-concurrency", type=int, default=50)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, unless said")
    parser.add_argument("--profile", type=Path, metavar="FOLDER", help="write where the time goes")
    parser.add_argument("--db", default=None, help="state file; a temporary one if left out")
    parser.add_argument("--beside", choices=["restate"], help="compare with it, and nothing else")
    if parser.parse_args().quick:  # what the command line says all the same is what counts
        parser.set_defaults(latency=20, throughput=100, bare=50, messages=20)
        parser.set_defaults(steps=[100, 300], fan_out=[50], cold=1)
    return parser.parse_args()


def python(chosen: argparse.Namespace, name: str) -> list[str]:
    """Return the command that starts Python, with the profiler in between if it is wanted."""
    if chosen.profile is None:
        return [sys.executable]
    chosen.profile.mkdir(parents=True, exist_ok=True)
    out = str(chosen.profile / f"{name}.txt")
    return [sys.executable, "-m", "integration.benchmarks.profiled", out]


async def figures(
    chosen: argparse.Namespace, server: ServerProcess, worker: ManagedProcess, folder: Path
) -> dict[str, Any]:
    """Take all figures that need server and worker."""
    pids = {"server": server.process.pid, "worker": worker.pid}
    found: dict[str, Any] = {"memory": {}, "cpu_seconds": {}}

    def note(phase: str) -> None:
        found["memory"][phase] = {name: resident_megabytes(pid) for name, pid in pids.items()}
        found["cpu_seconds"][phase] = {name: cpu_seconds(pid) for name, pid in pids.items()}
        print(f"{phase}: done", file=sys.stderr, flush=True)

    async with Client(server.url) as client:
        for _ in range(10):
            await measure.run_one(client, "one-activity", "warm")
        note("warm")
        found["latency"] = await measure.latency(client, chosen.latency)
        note("latency")
        found["throughput"] = await measure.throughput(
            client, chosen.throughput, chosen.concurrency
        )
        note("throughput")
        sequences: list[dict[str, float]] = []
        for steps in chosen.steps:
            sequences.append(await measure.sequence(client, steps))
            note(f"sequence of {steps}")
        fan_outs: list[dict[str, float]] = []
        for width in chosen.fan_out:
            fan_outs.append(await measure.fan_out(client, width))
            note(f"fan-out of {width}")
        if chosen.messages:
            found["messages"] = await measure.messages(client, 100, chosen.messages)
            note("messages")
    found |= {"sequences": sequences, "fan_outs": fan_outs}
    found["bare"] = {
        "describe": await describes(server.url, "one-activity-1", chosen.bare),
        "fsync": fsyncs(folder, chosen.bare),
    }
    found["ratios"] = ratios(found)
    return found


def machine() -> dict[str, Any]:
    """Return what the figures were taken on."""
    return {
        "python": platform.python_version(),
        "processors": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
    }


def main() -> None:
    """Measure and print."""
    chosen = options()
    if chosen.beside:
        from integration.benchmarks.beside.comparison import compare

        print(json.dumps({"machine": machine(), **compare(chosen.quick)}, indent=2))
        return
    found: dict[str, Any] = {"machine": machine(), "aims": AIMS}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(chosen.db).parent if chosen.db else Path(name)
        db = chosen.db or str(folder / "state.db")
        with (
            ServerProcess(db, python=python(chosen, "server")) as server,
            worker_process(
                server.url,
                PROGRAMS,
                task_queue=measure.QUEUE,
                python=python(chosen, "worker"),
                concurrency=chosen.worker_concurrency,
                quiet=True,
                cached_workflows=chosen.cached_workflows,
            ) as worker,
        ):
            found |= asyncio.run(figures(chosen, server, worker, folder))
            if chosen.profile is None:
                server.kill()
                server.start()
                found["restart_after_kill_ms"] = round(1000 * server.start_seconds, 1)
            worker.stop()
            server.process.stop()
    if chosen.cold:
        found["cold_start"] = cold_start(chosen.cold)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
