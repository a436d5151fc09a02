"""Starting activities that last, and seeing how far they are."""

from __future__ import annotations

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


async def until_started(client: Client, handle: WorkflowHandle, attempts: int = 1) -> None:
    await eventually(
        lambda: history(client, handle),
        lambda events: types(events).count("ActivityStarted") >= attempts,
    )


async def output_of(process: ManagedProcess) -> str:
    return process.output
