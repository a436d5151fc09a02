"""Workflows and activities that the tests run in worker processes; each shows one behaviour."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from durable_workflow import ActivityFailed, NonRetryableError, activity, workflow
from durable_workflow.workflow import WorkflowContext

Steps = Generator[Any, Any, Any]

# Two activities that block their threads and wait for each other: they meet only in two threads.
_BOTH = threading.Barrier(2, timeout=20)


@activity.defn(name="greet")
async def greet(name: str) -> dict[str, Any]:
    return {"greeting": f"Hello, {name}!", "length": len(name)}


@activity.defn(name="fail_until")
async def fail_until(attempt: int) -> int:
    """Fail until this attempt, and return its number."""
    number: int = activity.context().info.attempt_number
    if number < attempt:
        raise ValueError(f"attempt {number} is too early")
    return number


@activity.defn(name="refuse")
async def refuse() -> None:
    raise NonRetryableError("never again")


@activity.defn(name="hang")
async def hang(first_attempts: int) -> int:
    """Say nothing any more, on the first attempts; return the number of the one that answers."""
    number: int = activity.context().info.attempt_number
    if number <= first_attempts:
        await asyncio.Event().wait()
    return number


@activity.defn(name="beat")
async def beat(beats: int, pause_seconds: float) -> int:
    """Outlive the heartbeat timeout, by heartbeats alone; return how many were sent."""
    for number in range(beats):
        await activity.context().heartbeat({"beat": number})
        await asyncio.sleep(pause_seconds)
    return beats


@activity.defn(name="meet_in_threads")
def meet_in_threads() -> str:
    """Block this thread until another one is here too."""
    _BOTH.wait()
    return threading.current_thread().name


@activity.defn(name="meet_in_processes")
def meet_in_processes(folder: str) -> int:
    """Block until an activity of another process is here too, and return the process id."""
    (Path(folder) / str(os.getpid())).touch()
    deadline = time.monotonic() + 20
    while len(list(Path(folder).iterdir())) < 2:
        if time.monotonic() > deadline:
            raise NonRetryableError("nobody else came")
        time.sleep(0.02)
    return os.getpid()


@activity.defn(name="wait_for_file")
def wait_for_file(path: str) -> str:
    """Tell that the attempt began with a file, and block until somebody lets it go with another."""
    Path(f"{path}.began.{os.getpid()}").touch()
    deadline = time.monotonic() + 60
    while not Path(path).exists():
        if time.monotonic() > deadline:
            raise NonRetryableError(f"{path} never came")
        time.sleep(0.02)
    return Path(path).read_text()


@workflow.defn(name="greeter")
class Greeter:
    def run(self, ctx: WorkflowContext, *args: Any) -> Steps:
        result = yield ctx.schedule_activity("greet", list(args))
        return result


@workflow.defn(name="retries")
class Retries:
    def run(self, ctx: WorkflowContext, attempt: int, policy: dict[str, Any]) -> Steps:
        number = yield ctx.schedule_activity("fail_until", [attempt], retry_policy=policy)
        return number


@workflow.defn(name="catches")
class Catches:
    """Run one activity with these options, and return what became of it."""

    def run(
        self,
        ctx: WorkflowContext,
        activity_type: str,
        arguments: list[Any],
        options: dict[str, Any],
    ) -> Steps:
        try:
            result = yield ctx.schedule_activity(activity_type, arguments, **options)
        except ActivityFailed as error:
            return {
                "failed": str(error),
                "category": error.failure_category,
                "type": error.exception_type,
                "non_retryable": error.non_retryable,
            }
        return {"returned": result}


@workflow.defn(name="naps")
class Naps:
    """Sleep these many seconds, one nap after the other, and return how many naps there were."""

    def run(self, ctx: WorkflowContext, *naps: int) -> Steps:
        for seconds in naps:
            yield ctx.start_timer(seconds=seconds)
        return len(naps)


@workflow.defn(name="count-down")
class CountDown:
    """Greet, and go on as a new run with one less, until nothing is left."""

    def run(self, ctx: WorkflowContext, left: int, runs: int = 1) -> Steps:
        yield ctx.schedule_activity("greet", [f"run {runs}"])
        if left:
            return ctx.continue_as_new(left - 1, runs + 1)
        return {"runs": runs}


@workflow.defn(name="fan-out")
class FanOut:
    def run(self, ctx: WorkflowContext, activity_type: str, arguments: list[list[Any]]) -> Steps:
        results = yield [ctx.schedule_activity(activity_type, each) for each in arguments]
        return results


@workflow.defn(name="steps")
class StepByStep:
    """Run this many activities, one after the other, and add up what they return."""

    def run(self, ctx: WorkflowContext, count: int) -> Steps:
        total = 0
        for number in range(count):
            result = yield ctx.schedule_activity("greet", ["x" * (number % 7)])
            total += result["length"]
        return total


@workflow.defn(name="raises")
class Raises:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("greet", ["before"])
        raise LookupError("nothing to be found")


WORKFLOWS = [Greeter, Retries, Catches, Naps, CountDown, FanOut, StepByStep, Raises]
ACTIVITIES = [
    greet,
    fail_until,
    refuse,
    hang,
    beat,
    meet_in_threads,
    meet_in_processes,
    wait_for_file,
]
