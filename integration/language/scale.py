"""What a long run costs, and a wide one: python -m integration.language.scale. Prints JSON.

Server (embedded) and client are this process, the worker is another one, so that each has a memory
of its own to look at. Times of steps are read from history, which has the time of every event.
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
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from durable_workflow import Client, Worker, activity, workflow
from durable_workflow.server.embedded import embedded_server
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.settings import Settings
from durable_workflow.workflow import WorkflowContext
from integration.benchmarks.figures import cpu_seconds, resident_megabytes
from integration.harness.processes import ManagedProcess
from integration.harness.waiting import eventually
from integration.language.scene import payloads_of

QUEUE = "scale"
SAMPLE_SECONDS = 0.25
RATIO_AIM = 1.3
QUERY_AIM_MS = 10.0
# What a list of 5,000 needs, with room for what stands beside it.
WIDE = Limits(
    pending_activities=6_000,
    command_batch_size=6_000,
    events_per_transaction=20_000,
)


@activity.defn(name="number")
async def number(value: int) -> int:
    return value


@workflow.defn(name="long")
class Long:
    """This many activities, one after the other; then stay, where asked to, for queries."""

    def __init__(self) -> None:
        self.steps = 0
        self.stays = False

    @workflow.signal("leave")
    def leave(self) -> None:
        self.stays = False

    @workflow.query("steps")
    def tell(self) -> int:
        return self.steps

    def has_left(self) -> bool:
        return not self.stays

    def run(
        self, ctx: WorkflowContext, count: int, stays: bool = False
    ) -> Generator[Any, Any, int]:
        self.stays = stays
        for value in range(count):
            yield ctx.schedule_activity("number", [value])
            self.steps += 1
        yield ctx.wait_condition(self.has_left, key="leave")
        return self.steps


@workflow.defn(name="wide")
class Wide:
    def run(self, ctx: WorkflowContext, width: int) -> Generator[Any, Any, bool]:
        results = yield [ctx.schedule_activity("number", [value]) for value in range(width)]
        return bool(results == list(range(width)))


# --- the worker's process ---------------------------------------------------------------------


async def serve(url: str, cache: int) -> None:
    """Work until killed."""
    async with Client(url) as client:
        worker = Worker(
            client,
            task_queue=QUEUE,
            workflows=[Long, Wide],
            activities=[number],
            max_cached_workflows=cache,
            max_concurrent_activity_tasks=50,
        )
        print("the worker is running", flush=True)
        await worker.run()


# --- what is measured -------------------------------------------------------------------------


class Bench:
    """A server, a client and a worker, and how much memory they had when.

    Attributes:
        client: Speaks to the server.
        worker_megabytes: Samples of the worker's memory.
        server_megabytes: Samples of this process, which is server and client.
        looks: Whether samples are taken now.
        cpu_seconds: What the last run took of the processor, worker and server: the figure that
            other programs on the machine disturb least.
    """

    def __init__(self, client: Client, worker: ManagedProcess) -> None:
        self.client = client
        self.worker_megabytes: list[float] = []
        self.server_megabytes: list[float] = []
        self.looks = True
        self.cpu_seconds: tuple[float, ...] = (0.0, 0.0)
        self._worker = worker

    def _cpu(self) -> tuple[float, float]:
        return cpu_seconds(self._worker.pid), cpu_seconds(os.getpid())

    async def sample(self) -> None:
        """Look at both memories until cancelled."""
        while True:
            if self.looks:
                self.worker_megabytes.append(resident_megabytes(self._worker.pid)["now_mb"])
                self.server_megabytes.append(resident_megabytes(os.getpid())["now_mb"])
            await asyncio.sleep(SAMPLE_SECONDS)

    async def finish(self, workflow_type: str, *args: Any) -> tuple[Any, float, list[Any]]:
        """Run one workflow; return its result, its seconds and its history."""
        began, cpu = time.perf_counter(), self._cpu()
        self.looks = True
        handle = await self.client.start_workflow(
            workflow_type=workflow_type,
            task_queue=QUEUE,
            workflow_id=f"{workflow_type}-{args[0]}-{time.monotonic_ns()}",
            input=list(args),
        )
        result = await handle.result(timeout=1800)
        seconds = time.perf_counter() - began
        self.cpu_seconds = tuple(now - then for then, now in zip(cpu, self._cpu(), strict=True))
        self.looks = False  # what this process needs to read the history is not the server's
        return result, seconds, (await handle.get_history())["events"]


@asynccontextmanager
async def bench(
    folder: Path, *, cache: int, settings: Settings | None = None
) -> AsyncGenerator[Bench]:
    """A server on a file, and a worker that keeps so many machines."""
    db = folder / f"state-{time.monotonic_ns()}.db"
    async with embedded_server(db=db, settings=settings) as url, Client(url) as client:
        arguments = ["-m", "integration.language.scale", "--serve", url, "--cache", str(cache)]
        worker = await asyncio.to_thread(
            ManagedProcess, [sys.executable, *arguments], name="the worker of the scale"
        )
        measured = Bench(client, worker)
        sampling = asyncio.create_task(measured.sample())
        try:
            yield measured
        except BaseException as error:
            error.add_note(worker.output)
            raise
        finally:
            sampling.cancel()
            await asyncio.to_thread(worker.dispose)


async def long_run(folder: Path, *, steps: int, cache: int) -> dict[str, Any]:
    """One long run: milliseconds a step at its start and at its end, and memory on the way."""
    async with bench(folder, cache=cache) as measured:
        await measured.finish("long", 50)  # imports, statements, connections: not this run's
        del measured.worker_megabytes[:], measured.server_megabytes[:]
        result, seconds, events = await measured.finish("long", steps)
        assert result == steps
        assert len(payloads_of(events, "ActivityScheduled")) == steps
        worker, server = measured.worker_megabytes, measured.server_megabytes
        cpu = measured.cpu_seconds
    times = [
        datetime.fromisoformat(event["timestamp"]).timestamp()
        for event in events
        if event["event_type"] == "ActivityScheduled"
    ]
    window = max(10, min(200, steps // 4))
    taken = [late - early for early, late in pairwise(times)]
    first, last = taken[:window], taken[-window:]
    return {
        "steps": steps,
        "cache": cache,
        "seconds": round(seconds, 2),
        "ms_per_step": round(1000 * seconds / steps, 3),
        "first_window_median_ms": round(1000 * statistics.median(first), 3),
        "last_window_median_ms": round(1000 * statistics.median(last), 3),
        "cpu_ms_per_step": [round(1000 * each / steps, 3) for each in cpu],
        "last_over_first": round(statistics.median(last) / statistics.median(first), 3),
        "worker_megabytes": _quarters(worker),
        "server_megabytes": _quarters(server),
    }


async def wide_run(folder: Path, *, width: int, limits: Limits | None = None) -> dict[str, Any]:
    """One list of this many activities."""
    settings = None
    if limits is not None:
        settings = Settings(services=ServiceSettings(limits=limits))
    async with bench(folder, cache=1000, settings=settings) as measured:
        result, seconds, events = await measured.finish("wide", width)
        assert result is True
        assert len(payloads_of(events, "ActivityCompleted")) == width
        return {
            "width": width,
            "limits": "default" if limits is None else "raised",
            "seconds": round(seconds, 2),
            "activities_per_second": round(width / seconds, 1),
            "worker_megabytes": round(max(measured.worker_megabytes), 1),
            "server_megabytes": round(max(measured.server_megabytes), 1),
        }


async def questions(folder: Path, *, steps: int, cache: int, rounds: int) -> dict[str, Any]:
    """Queries of a running workflow beside bare describes, turn by turn."""
    async with bench(folder, cache=cache) as measured:
        client = measured.client
        handle = await client.start_workflow(
            workflow_type="long", task_queue=QUEUE, workflow_id="asked", input=[steps, True]
        )

        async def status() -> str:
            return str((await client.describe_workflow_run("asked", handle.run_id or "")).wait_kind)

        await eventually(status, "condition".__eq__, within=600)
        assert await handle.query("steps") == steps
        asked = await _alternating(
            rounds, query=lambda: handle.query("steps"), describe=lambda: handle.describe()
        )
        await handle.signal("leave")
        assert await handle.result(timeout=600) == steps
    return {"steps": steps, "cache": cache, "rounds": rounds, **asked}


async def _alternating(rounds: int, **calls: Callable[[], Awaitable[Any]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            await call()
            times[name].append(1000 * (time.perf_counter() - began))
    return {f"{name}_p50_ms": round(statistics.median(ms), 2) for name, ms in times.items()}


def _quarters(samples: list[float]) -> list[float]:
    """The most in each quarter of the time."""
    if len(samples) < 4:
        return [round(value, 1) for value in samples]
    size = len(samples) // 4
    return [round(max(samples[n * size : (n + 1) * size]), 1) for n in range(4)]


async def report(chosen: argparse.Namespace) -> dict[str, Any]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = [await long_run(folder, steps=n, cache=1000) for n in chosen.steps]
        rebuilt = [await long_run(folder, steps=n, cache=0) for n in chosen.steps_without]
        wide = [await wide_run(folder, width=n) for n in chosen.widths]
        wider = [await wide_run(folder, width=n, limits=WIDE) for n in chosen.raised_widths]
        asked = [
            await questions(folder, steps=n, cache=1000, rounds=chosen.rounds)
            for n in chosen.asked_steps
        ]
    return {
        "long_runs_with_kept_machines": kept,
        "long_runs_without": rebuilt,
        "ms_per_step_of_longest_over_shortest": round(
            kept[-1]["ms_per_step"] / kept[0]["ms_per_step"], 3
        ),
        "cpu_per_step_of_longest_over_shortest": [
            round(longest / shortest, 3)
            for shortest, longest in zip(
                kept[0]["cpu_ms_per_step"], kept[-1]["cpu_ms_per_step"], strict=True
            )
        ],
        "wide_runs": wide + wider,
        "questions": asked,
        "aims": {"ratio": RATIO_AIM, "query_p50_ms": QUERY_AIM_MS},
    }


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--steps", type=int, nargs="*", default=[100, 1_000, 10_000])
    parser.add_argument("--steps-without", type=int, nargs="*", default=[100, 300, 1_000])
    parser.add_argument("--widths", type=int, nargs="*", default=[1_000])
    parser.add_argument("--raised-widths", type=int, nargs="*", default=[5_000])
    parser.add_argument("--asked-steps", type=int, nargs="*", default=[10, 1_000])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--serve", metavar="URL", help="be the worker")
    parser.add_argument("--cache", type=int, default=1000)
    return parser.parse_args()


if __name__ == "__main__":
    chosen = options()
    if chosen.serve is not None:
        asyncio.run(serve(chosen.serve, chosen.cache))
    else:
        print(json.dumps(asyncio.run(report(chosen)), indent=2))
