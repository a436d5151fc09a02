"""Results have the type that `result_type` asks for."""

from dataclasses import dataclass
from typing import Any, assert_type

from durable_workflow import Client, sync
from durable_workflow.client import WorkflowHandle


@dataclass
class Order:
    id: str


async def waiting(client: Client, handle: WorkflowHandle) -> None:
    assert_type(await handle.result(result_type=Order), Order)
    assert_type(await handle.result(timeout=5, result_type=list[Order]), list[Order])
    assert_type(await handle.result(), Any)
    assert_type(await handle.result(result_type=Order | None), Any)
    assert_type(await client.get_result(handle, 0.5, 5, result_type=Order), Order)
    assert_type(await client.get_result(handle), Any)
    order = await client.execute_workflow(
        workflow_type="ship", task_queue="default", input=["o-1"], result_type=Order
    )
    assert_type(order, Order)
    assert_type(await client.execute_workflow(workflow_type="ship", task_queue="default"), Any)


async def alone(client: Client) -> None:
    activity = await client.start_activity(activity_type="pack", task_queue="default")
    assert_type(await activity.result(result_type=Order), Order)
    assert_type(await activity.result(timeout=5), Any)
    assert_type(await client.get_activity_result(activity, result_type=Order), Order)


async def asking(client: Client, handle: WorkflowHandle) -> None:
    assert_type(await handle.query("order", result_type=Order), Order)
    assert_type(await handle.query("orders", [3], result_type=list[Order]), list[Order])
    assert_type(await handle.query("order"), Any)
    assert_type(await handle.query("order", raw=True), Any)
    assert_type(await client.query_workflow("w", "order", result_type=Order), Order)
    assert_type(await client.query_workflow("w", "order"), Any)


def blocking(client: sync.Client, handle: sync.SyncWorkflowHandle) -> None:
    assert_type(handle.result(result_type=Order), Order)
    assert_type(handle.query("order", result_type=Order), Order)
    assert_type(client.get_result(handle, result_type=list[Order]), list[Order])
    assert_type(client.query_workflow("w", "order", result_type=Order), Order)
    order = client.execute_workflow(workflow_type="ship", task_queue="default", result_type=Order)
    assert_type(order, Order)
    assert_type(handle.result(), Any)
