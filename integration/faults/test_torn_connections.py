"""Requests and answers get lost on the way, are sent again, and are done once."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import httpx
from order_processing.orders import Order, expected_result, make_order

from durable_workflow import Client, WorkflowAlreadyStarted
from integration.harness.histories import violations
from integration.harness.processes import ServerProcess, worker_process
from integration.harness.torn_connections import Tearing, torn_connections

PROGRAMS = "order_processing.workflows,order_processing.activities"
ENVIRONMENT = {
    "DW_WORKFLOW_TASK_LEASE_SECONDS": "3",
    "DW_ACTIVITY_TASK_LEASE_SECONDS": "3",
    "DW_HEARTBEAT_INTERVAL_SECONDS": "1",
}


async def process(client: Client, order: Order) -> None:
    """Start until it is acknowledged, and wait for the right result."""
    workflow_id = order["order_id"]
    acknowledged = False
    while not acknowledged:
        try:
            await client.start_workflow(
                workflow_type="process-order",
                task_queue="orders",
                workflow_id=workflow_id,
                input=[order],
            )
            acknowledged = True
        except WorkflowAlreadyStarted:
            acknowledged = True
        except httpx.TransportError:
            await asyncio.sleep(0.05)
    handle = client.get_workflow_handle(workflow_id)
    while True:
        try:
            assert await handle.result(timeout=90) == expected_result(order)
            return
        except httpx.TransportError:
            await asyncio.sleep(0.05)


async def test_orders_survive_lost_requests_and_lost_answers(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**31)
    tearing = Tearing(random.Random(seed), before=0.04, after=0.04)
    orders: list[Order] = []
    with ServerProcess(tmp_path / "state.db", environment=ENVIRONMENT) as server:
        async with torn_connections(server.url, tearing) as url:
            with worker_process(url, PROGRAMS, task_queue="orders"):
                async with Client(url) as client, asyncio.timeout(120):
                    while not (tearing.requests_lost and tearing.answers_lost):
                        dozen = [make_order(len(orders) + number) for number in range(1, 13)]
                        orders += dozen
                        await asyncio.gather(*(process(client, order) for order in dozen))
        async with Client(server.url) as client:
            for order in orders:
                (run,) = (await client.list_workflow_runs(order["order_id"])).runs
                document = await client.get_history(order["order_id"], run.run_id)
                assert violations(document["events"]) == [], seed
