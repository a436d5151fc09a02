"""Activities that last, in each of the ways that can keep a worker from saying that it is alive.

`python -m integration.faults.lasting URL WORKER_ID [drain]` serves them as a plain program does.
With `drain` the worker handles signals. Code on its event loop may take long, for Ctrl-C to come.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Generator
from typing import Any

from durable_workflow import ActivityCancelled, Client, Worker, activity, workflow

QUEUE = "lasting"


@workflow.defn(name="lasting")
class Lasting:
    """Runs one activity."""

    def run(self, ctx: Any, name: str, seconds: float) -> Generator[Any, Any, Any]:
        return (yield ctx.schedule_activity(name, [seconds]))


@workflow.defn(name="spins")
class Spins:
    """Computes on the event loop, where its first tasks have shown to be quick."""

    def run(self, ctx: Any, seconds: float) -> Generator[Any, Any, None]:
        yield ctx.sleep(0.05)
        yield ctx.sleep(0.05)
        _spin("spins", seconds)


def _spin(name: str, seconds: float) -> None:
    print(f"{name} begins", flush=True)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def _seen() -> dict[str, Any]:
    info = activity.context().info
    return {"attempt": info.attempt_number, "worker": info.worker_id}


@activity.defn(name="sleeps")
def sleeps(seconds: float) -> dict[str, Any]:
    """In a thread."""
    print("sleeps begins", flush=True)
    time.sleep(seconds)
    return _seen()


@activity.defn(name="blocks")
async def blocks(seconds: float) -> dict[str, Any]:
    """On the event loop, which does nothing else meanwhile."""
    time.sleep(seconds)  # noqa: ASYNC251 - it is what is tested
    return _seen()


@activity.defn(name="computes")
async def computes(seconds: float) -> dict[str, Any]:
    """On the event loop, without ever awaiting."""
    _spin("computes", seconds)
    return _seen()


@activity.defn(name="swallows")
async def swallows(seconds: float) -> dict[str, Any]:
    """On the event loop, and does not let itself be cancelled."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(left)
    return _seen()


@activity.defn(name="awaits")
async def awaits(seconds: float) -> dict[str, Any]:
    """On the event loop, without a heartbeat, and says when it is cancelled."""
    try:
        await asyncio.sleep(seconds)
    except ActivityCancelled:
        print("awaits was cancelled", flush=True)
        raise
    return _seen()


WORKFLOWS = [Lasting, Spins]
ACTIVITIES = [sleeps, blocks, computes, swallows, awaits]


async def main(url: str, worker_id: str, *, drain: bool) -> None:
    """Serve until Ctrl-C."""
    async with Client(url) as client:
        worker = Worker(
            client,
            task_queue=QUEUE,
            workflows=WORKFLOWS,
            activities=ACTIVITIES,
            worker_id=worker_id,
            workflow_deadline_seconds=20.0,
        )
        print("the worker is running", flush=True)
        await worker.run(handle_signals=drain)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], drain="drain" in sys.argv))
