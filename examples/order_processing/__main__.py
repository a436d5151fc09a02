"""Process a few orders: python -m order_processing [--orders 3] [--db PATH | --url URL]"""

import argparse
import asyncio
import json
import os

from durable_workflow import Client

from .activities import ACTIVITIES
from .orders import Order, make_order
from .workflows import WORKFLOWS

TASK_QUEUE = "orders"


async def process(client: Client, order: Order) -> None:
    """Place one order, wait for what becomes of it, and print that."""
    handle = await client.start_workflow(
        workflow_type="process-order",
        task_queue=TASK_QUEUE,
        workflow_id=order["order_id"],
        input=[order],
        # An order that was placed before, even by a program that died, is not placed twice.
        duplicate_policy="use-existing",
    )
    result = await handle.result(timeout=60.0)
    print(json.dumps(result))


async def place(client: Client, orders: int) -> None:
    """Process `orders` orders side by side."""
    async with asyncio.TaskGroup() as group:
        for number in range(1, orders + 1):
            group.create_task(process(client, make_order(number)))


async def main(db: str, orders: int) -> None:
    """Start server and worker, and process orders with them."""
    # Here alone: with a server elsewhere neither has to be installed.
    from durable_workflow import Worker
    from durable_workflow.server import embedded_server

    async with embedded_server(db=db) as url, Client(url) as client:
        worker = Worker(client, task_queue=TASK_QUEUE, workflows=WORKFLOWS, activities=ACTIVITIES)
        async with asyncio.TaskGroup() as group:
            working = group.create_task(worker.run())
            await place(client, orders)
            await worker.stop()
            await working


async def order_at(url: str, token: str | None, orders: int) -> None:
    """Process orders with a server and workers that run elsewhere."""
    async with Client(url, token=token) as client:
        await place(client, orders)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="order_processing", description="Process a few orders.")
    parser.add_argument("--orders", type=int, default=3, help="how many orders")
    place_of_state = parser.add_mutually_exclusive_group()
    place_of_state.add_argument("--db", default=":memory:", help="file of the server's state")
    place_of_state.add_argument("--url", help="a server elsewhere, whose workers take the orders")
    parser.add_argument(
        "--token",
        default=os.environ.get("DW_AUTH_TOKEN") or None,
        help="what that server asks for, if it asks; else DW_AUTH_TOKEN",
    )
    options = parser.parse_args()
    if options.url is None:
        asyncio.run(main(options.db, options.orders))
    else:
        asyncio.run(order_at(options.url, options.token, options.orders))
