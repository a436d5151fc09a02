"""Activities that the workflows of these tests call."""

from __future__ import annotations

import asyncio
from typing import Any

from durable_workflow import NonRetryableError, activity

# What a test and an activity of its worker, which run in one event loop, tell each other.
gates: dict[str, asyncio.Event] = {}
seen: dict[str, list[Any]] = {}


def gate(name: str) -> asyncio.Event:
    """The gate of this name, made when first asked for."""
    return gates.setdefault(name, asyncio.Event())


@activity.defn(name="echo")
async def echo(value: Any = None) -> Any:
    return value


@activity.defn(name="later")
async def later(value: Any, after: str | None, opens: str | None) -> Any:
    """Return the value once a gate is open, and open another: makes any order of completion."""
    if after is not None:
        await asyncio.wait_for(gate(after).wait(), 30)
    if opens is not None:
        gate(opens).set()
    seen.setdefault("later", []).append(value)
    return value


@activity.defn(name="fails")
async def fails(message: str) -> None:
    raise ValueError(message)


@activity.defn(name="fails-until")
async def fails_until(attempt: int) -> int:
    number: int = activity.context().info.attempt_number
    if number < attempt:
        raise ValueError(f"attempt {number} is too early")
    return number


@activity.defn(name="resumes")
async def resumes(rows: int) -> list[int]:
    """Do one row an attempt, from where the attempt before was; the rows of the last one."""
    context = activity.context()
    done = (context.info.heartbeat_details or {"row": 0})["row"]
    await context.heartbeat({"row": done + 1})
    if done + 1 < rows:
        raise ConnectionError(f"lost at row {done}")
    return [context.info.attempt_number, done]


@activity.defn(name="refuses")
async def refuses() -> None:
    raise NonRetryableError("never again")


@activity.defn(name="beats")
async def beats(name: str) -> str:
    """Heartbeat until somebody asks to stop, and note what was seen."""
    context = activity.context()
    count = 0
    try:
        while True:
            count += 1
            await context.heartbeat({"beat": count})
            seen.setdefault(name, []).append("beat")
            await asyncio.sleep(0.02)  # the pace of the heartbeats
    except BaseException as error:
        seen.setdefault(name, []).append((type(error).__name__, context.is_cancelled))
        raise


@activity.defn(name="describes")
async def describes() -> dict[str, Any]:
    """What an attempt knows of itself."""
    info = activity.context().info
    return {
        "activity_type": info.activity_type,
        "attempt_number": info.attempt_number,
        "task_queue": info.task_queue,
        "has_ids": bool(info.task_id and info.activity_attempt_id and info.worker_id),
        "is_cancelled": activity.context().is_cancelled,
    }


@activity.defn(name="unencodable")
async def unencodable() -> Any:
    return object()


ACTIVITIES = [echo, later, fails, fails_until, resumes, refuses, beats, describes, unencodable]
