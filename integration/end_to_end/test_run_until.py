"""Smoke tests as the guide has users write them: one process starts a run and drives it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from durable_workflow import Client, Worker, activity, workflow
from durable_workflow.client import WorkflowHandle
from durable_workflow.server import embedded_server
from durable_workflow.workflow import WorkflowContext
from integration.end_to_end.programs import Steps, fail_until

QUEUE = "smoke"
# The server holds a poll for 30 s: no program of this file has to wait for the end of one.
SOON_SECONDS = 15


@activity.defn(name="smoke-double")
async def double(number: int) -> int:
    return 2 * number


@workflow.defn(name="smoke-fan-out")
class FanOut:
    def run(self, ctx: WorkflowContext, *numbers: int) -> Steps:
        return (yield [ctx.schedule_activity("smoke-double", [each]) for each in numbers])


@workflow.defn(name="smoke-retry")
class Retry:
    def run(self, ctx: WorkflowContext) -> Steps:
        policy = {"max_attempts": 3, "backoff_seconds": [1, 1]}
        return (yield ctx.schedule_activity("fail_until", [3], retry_policy=policy))


@workflow.defn(name="smoke-mixed")
class Mixed:
    def run(self, ctx: WorkflowContext) -> Steps:
        return (
            yield [
                ctx.start_timer(1),
                ctx.schedule_activity("smoke-double", [1]),
                ctx.start_child_workflow("smoke-fan-out", [2, 3]),
            ]
        )


@workflow.defn(name="smoke-sleep")
class Sleep:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.start_timer(600)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with embedded_server() as url, Client(url) as client:
        yield client


def worker_for(client: Client) -> Worker:
    classes = [FanOut, Retry, Mixed, Sleep]
    return Worker(client, task_queue=QUEUE, workflows=classes, activities=[double, fail_until])


async def start(client: Client, workflow_type: str, *args: Any) -> WorkflowHandle:
    return await client.start_workflow(
        workflow_type=workflow_type, task_queue=QUEUE, workflow_id=workflow_type, input=list(args)
    )


@pytest.mark.parametrize(
    ("workflow_type", "arguments", "result"),
    [
        ("smoke-fan-out", [1, 2, 3], [2, 4, 6]),
        ("smoke-retry", [], 3),
        ("smoke-mixed", [], [None, 2, [4, 6]]),
    ],
)
async def test_whatever_comes_next_is_asked_for(
    client: Client, workflow_type: str, arguments: list[int], result: Any
) -> None:
    handle = await start(client, workflow_type, *arguments)
    execution = await worker_for(client).run_until(workflow_id=workflow_type, timeout=SOON_SECONDS)
    assert execution.status == "completed"
    assert await handle.result() == result


async def test_gives_up_when_its_time_is_over_and_not_when_a_poll_is(client: Client) -> None:
    await start(client, "smoke-sleep")
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="smoke-sleep has not ended in 3 s"):
        await worker_for(client).run_until(workflow_id="smoke-sleep", timeout=3)
    assert time.monotonic() - began < SOON_SECONDS


async def test_one_worker_after_the_other_drives_one_run_after_the_other(client: Client) -> None:
    for name in ("one", "two", "three"):
        await client.start_workflow(
            workflow_type="smoke-fan-out", task_queue=QUEUE, workflow_id=name, input=[4, 5]
        )
    for name in ("one", "two", "three"):
        execution = await worker_for(client).run_until(workflow_id=name, timeout=SOON_SECONDS)
        assert execution.output == [8, 10]
