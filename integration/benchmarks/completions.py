"""Complete workflow tasks with very many commands, and print how long others wait meanwhile.

    python -m integration.benchmarks.completions [--commands 1000 5000] [--kinds activity child]

The server is a process of its own. Two callers start and describe workflows all the while, one
request after the other. Their times while a completion is under way are compared with those of the
same run while there is none; the two alternate. `longest_turns_ms` are the longest turns of the
server's loop meanwhile, by processor time, on a server of their own: they mean something on a busy
machine too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from durable_workflow import Client
from integration.benchmarks.burst import call, latencies
from integration.benchmarks.figures import cpu_seconds
from integration.benchmarks.turns import SAID
from integration.harness.payloads import envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Wire

AIMS = {"others_p99_ms": 50}
# A child has three events, where an activity has one.
RAISED = {
    "DW_LIMIT_COMMAND_BATCH_SIZE": "5000",
    "DW_LIMIT_EVENTS_PER_TRANSACTION": "20000",
    "DW_LIMIT_PENDING_ACTIVITIES": "5000",
    "DW_LIMIT_PENDING_CHILDREN": "5000",
    "DW_LIMIT_PENDING_TIMERS": "5000",
}
COMMANDS: dict[str, Callable[[], dict[str, Any]]] = {
    "activity": lambda: {
        "type": "schedule_activity",
        "activity_type": "a",
        "arguments": envelope([1, "two"]),
        "retry_policy": {"max_attempts": 3},
        "start_to_close_timeout": 60,
    },
    "timer": lambda: {"type": "start_timer", "delay_seconds": 3600},
    "child": lambda: {
        "type": "start_child_workflow",
        "workflow_type": "c",
        "queue": "children",
        "arguments": envelope([1, "two"]),
    },
}
QUEUE = "wide"
_QUIET_SECONDS = 1.0


async def main() -> None:
    """Measure each kind and size, and print."""
    parser = argparse.ArgumentParser(prog="completions", description=__doc__)
    parser.add_argument("--commands", type=int, nargs="*", default=[1000, 5000])
    parser.add_argument("--kinds", nargs="*", choices=[*COMMANDS], default=[*COMMANDS])
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    found: dict[str, Any] = {"aims": AIMS}
    for kind in chosen.kinds:
        for count in chosen.commands:
            figures = await measure(kind, count, chosen.rounds)
            figures["longest_turns_ms"] = await longest_turns(kind, count)
            found[f"{count} x {kind}"] = figures
    print(json.dumps(found, indent=1))


async def measure(kind: str, count: int, rounds: int) -> dict[str, Any]:
    """The figures of completions of one kind and size, on a server of their own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(Path(folder) / "state.db", environment=RAISED) as server,
    ):
        async with Client(server.url) as client, httpx.AsyncClient(timeout=120) as http:
            with Wire(server.url) as wire:
                wire.register("wide", queue=QUEUE)
            return await compare(server, client, http, [COMMANDS[kind]()] * count, rounds)


async def compare(
    server: ServerProcess,
    client: Client,
    http: httpx.AsyncClient,
    commands: list[dict[str, Any]],
    rounds: int,
) -> dict[str, Any]:
    """Others' times alone and beside completions, in turns."""
    times: list[float] = []
    alone: list[float] = []
    beside: list[float] = []
    took: list[float] = []
    processor = 0.0
    others = [asyncio.create_task(call(client, each, times)) for each in range(2)]
    await asyncio.sleep(_QUIET_SECONDS)
    for number in range(rounds):
        path, body, headers = await task(http, server.url, client, f"wide-{number}", commands)
        times.clear()
        await asyncio.sleep(_QUIET_SECONDS)
        alone += times
        times.clear()
        cpu, began = cpu_seconds(server.process.pid), time.perf_counter()
        answer = await http.post(path, content=body, headers=headers)
        took.append(time.perf_counter() - began)
        # Those that were under way when it ended have waited for it too.
        await asyncio.sleep(0.1)
        processor += cpu_seconds(server.process.pid) - cpu
        beside += times
        assert answer.json()["outcome"] == "completed", answer.text
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return {
        "completion_ms": [round(1000 * each, 1) for each in took],
        "server_cpu_s_per_round": round(processor / rounds, 3),
        "others_alone": latencies(alone),
        "others_beside": latencies(beside),
    }


async def longest_turns(kind: str, count: int) -> list[float]:
    """The longest turns of the server's loop beside three completions, in milliseconds."""
    python = (sys.executable, "-m", "integration.benchmarks.turns")
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(Path(folder) / "state.db", environment=RAISED, python=python) as server,
    ):
        async with Client(server.url) as client, httpx.AsyncClient(timeout=120) as http:
            with Wire(server.url) as wire:
                wire.register("wide", queue=QUEUE)
            before = 0
            for number in range(3):
                commands = [COMMANDS[kind]()] * count
                path, body, headers = await task(http, server.url, client, f"w-{number}", commands)
                if not number:  # those of the start are none of it
                    before = len(SAID.findall(server.process.output))
                answer = await http.post(path, content=body, headers=headers)
                assert answer.json()["outcome"] == "completed", answer.text
        turns = [float(each) for each in SAID.findall(server.process.output)[before:]]
    return sorted(turns, reverse=True)[:6]


async def task(
    http: httpx.AsyncClient,
    url: str,
    client: Client,
    workflow_id: str,
    commands: list[dict[str, Any]],
) -> tuple[str, bytes, dict[str, str]]:
    """A leased task with the request that completes it: URL, body and headers."""
    await client.start_workflow(workflow_type="wide", task_queue=QUEUE, workflow_id=workflow_id)
    with Wire(url) as wire:
        headers = wire.headers("/api/worker/workflow-tasks/poll")
    polled = await http.post(
        f"{url}/api/worker/workflow-tasks/poll",
        json={"worker_id": "wide", "task_queue": QUEUE},
        headers=headers,
    )
    leased = polled.json()["task"]
    assert leased["workflow_id"] == workflow_id, leased
    body = {
        "lease_owner": "wide",
        "workflow_task_attempt": leased["workflow_task_attempt"],
        "commands": commands,
    }
    path = f"{url}/api/worker/workflow-tasks/{leased['task_id']}/complete"
    return path, json.dumps(body).encode(), headers


if __name__ == "__main__":
    asyncio.run(main())
