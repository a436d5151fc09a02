"""Measure what idle streams cost: python -m integration.benchmarks.idle_streams [--streams N].

Each stream does what an idle worker does: it answers pings, and says every ten seconds that it is
alive. Prints the share of a core that the server used meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from integration.benchmarks.figures import cpu_seconds
from integration.harness.processes import ServerProcess

VERSION = {"X-Durable-Workflow-Protocol-Version": "1.1"}
_AT_ONCE = 20


async def open_stream(url: str, http: httpx.AsyncClient, number: int) -> ClientConnection:
    """Register a worker and open its stream."""
    worker: dict[str, Any] = {"worker_id": f"w-{number}", "session": "s", "task_queue": "q"}
    capabilities = ["worker_stream", "held_tasks"]
    body = {**worker, "runtime": "python", "capabilities": capabilities}
    answer = await http.post("/api/worker/register", json=body, headers=VERSION)
    answer.raise_for_status()
    socket = await connect(
        url.replace("http", "ws", 1) + "/api/worker/stream",
        additional_headers=VERSION,
        compression=None,
        ping_interval=None,
    )
    slots = {"workflow": 100, "activity": 100, "query": 10}
    await socket.send(json.dumps([{"type": "hello", **worker, "slots": slots, "held": []}]))
    assert json.loads(await socket.recv())[0]["type"] == "welcome"
    return socket


# What a worker says of itself.
SAID: dict[str, Any] = {
    "task_slots": {"workflow_available": 100, "activity_available": 100},
    "process_metrics": {
        "process_uptime_seconds": 1234,
        "process_id": 4321,
        "process_started_at": "2026-01-01T00:00:00.000Z",
        "memory_bytes": 58_000_000,
        "cpu_percent": 1.25,
        "host": "a-machine.internal",
    },
}


async def stay(socket: ClientConnection, worker_id: str, seconds: float) -> None:
    """Say in time that the worker is alive, until it is ended."""
    await asyncio.sleep(random.random() * seconds)
    number = 0
    while True:
        number += 1
        alive = {"type": "alive", "id": number, "worker_id": worker_id, **SAID}
        await socket.send(json.dumps([alive]))
        assert json.loads(await socket.recv())[0]["type"] == "answer"
        await asyncio.sleep(seconds)


async def measure(server: ServerProcess, streams: int, seconds: float) -> dict[str, Any]:
    """Hold the streams for so long, after a time to settle."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:

        async def opened(number: int) -> asyncio.Task[None]:
            # Opening them all may take longer than one may be silent, so each says that it lives.
            async with gate:
                socket = await open_stream(server.url, http, number)
            return asyncio.create_task(stay(socket, f"w-{number}", 10))

        began = time.monotonic()
        staying = await asyncio.gather(*(opened(number) for number in range(streams)))
        connecting = time.monotonic() - began
    await asyncio.sleep(10)
    before, began = cpu_seconds(server.process.pid), time.monotonic()
    await asyncio.sleep(seconds)
    used = cpu_seconds(server.process.pid) - before
    took = time.monotonic() - began
    failed = [task for task in staying if task.done()]
    for task in failed:
        print(f"a stream ended: {task.exception()!r}")
    for task in staying:
        task.cancel()
    return {
        "streams": streams,
        "connects_per_second": round(streams / connecting),
        "percent_of_a_core": round(100 * used / took, 2),
        "ended": len(failed),
    }


def main() -> None:
    """Run it, and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(Path(folder) / "state.db") as server,
    ):
        print(json.dumps(asyncio.run(measure(server, given.streams, given.seconds))))


if __name__ == "__main__":
    main()
