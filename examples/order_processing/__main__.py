"""Run a few orders on an embedded server: python -m order_processing [--orders 3]"""

import argparse
import asyncio
import json

from durable_workflow import Client, Worker
from durable_workflow.server import embedded_server

from .activities import ACTIVITIES
from .orders import Order, make_order
from .workflows import WORKFLOWS

TASK_QUEUE = "orders"


async def process(client: Client, order: Order) -> None:
    """Start one order, wait for what becomes of it, and print that."""
    handle = await client.start_workflow(
        workflow_type="process-order",
        task_queue=TASK_QUEUE,
        workflow_id=order["order_id"],
        input=[order],
    )
    result = await handle.result(timeout=60.0)
    print(json.dumps(result))


async def main(db: str, orders: int) -> None:
    """Start server and worker, and process `orders` orders side by side."""
    async with embedded_server(db=db) as url, Client(url) as client:
        worker = Worker(client, task_queue=TASK_QUEUE, workflows=WORKFLOWS, activities=ACTIVITIES)
        async with asyncio.TaskGroup() as group:
            working = group.create_task(worker.run())
            await asyncio.gather(*(process(client, make_order(n)) for n in range(1, orders + 1)))
            await worker.stop()
            await working


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="order_processing", description="Process a few orders.")
    parser.add_argument("--db", default=":memory:", help="file of the server's state")
    parser.add_argument("--orders", type=int, default=3, help="how many orders")
    options = parser.parse_args()
    asyncio.run(main(options.db, options.orders))
