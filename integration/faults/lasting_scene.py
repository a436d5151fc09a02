"""Starting activities that last, and seeing how far they are."""

from __future__ import annotations

import functools
from typing import Any

from durable_workflow import Client, WorkflowHandle
from integration.faults.lasting import QUEUE
from integration.harness.histories import types
from integration.harness.processes import ManagedProcess
from integration.harness.waiting import eventually

# What worker processes serve.
PROGRAMS = "integration.faults.lasting"


async def start(client: Client, name: str, seconds: float) -> WorkflowHandle:
    return await client.start_workflow(
        workflow_type="lasting",
        task_queue=QUEUE,
        workflow_id=f"lasting-{name}",
        input=[name, seconds],
    )


async def history(client: Client, handle: WorkflowHandle) -> list[dict[str, Any]]:
    described = await client.describe_workflow(handle.workflow_id)
    assert described.run_id is not None
    document = await client.get_history(handle.workflow_id, described.run_id)
    events: list[dict[str, Any]] = document["events"]
    return events


async def until_started(
    client: Client,
    handle: WorkflowHandle,
    attempts: int = 1,
    *,
    worker: ManagedProcess | None = None,
) -> None:
    """Wait until an activity was given out so often, and `worker` has begun to carry it out."""
    await eventually(
        lambda: history(client, handle),
        lambda events: types(events).count("ActivityStarted") >= attempts,
    )
    if worker is not None:
        await eventually(
            functools.partial(output_of, worker),
            lambda said: "starting activity" in said or " begins" in said,
        )


async def output_of(process: ManagedProcess) -> str:
    return process.output
