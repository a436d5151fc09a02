"""A worker for orders, as a process of its own: python -m order_processing.worker URL"""

import argparse
import asyncio
import logging
import os
import signal

from durable_workflow import Client, Worker

from .activities import ACTIVITIES
from .workflows import WORKFLOWS


async def serve(url: str, token: str | None, task_queue: str) -> None:
    """Work on orders until SIGTERM or SIGINT asks to drain and stop."""
    async with Client(url, token=token) as client:
        worker = Worker(client, task_queue=task_queue, workflows=WORKFLOWS, activities=ACTIVITIES)
        asked_to_stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
        working = asyncio.create_task(worker.run())
        asking = asyncio.create_task(asked_to_stop.wait())
        await asyncio.wait({working, asking}, return_when=asyncio.FIRST_COMPLETED)
        asking.cancel()
        await worker.stop()
        await working


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="order_processing.worker", description="Work on orders.")
    parser.add_argument("url", help="where the server listens, as http://127.0.0.1:8080")
    parser.add_argument(
        "--token",
        default=os.environ.get("DW_AUTH_TOKEN") or None,
        help="what the server asks for, if it asks; else DW_AUTH_TOKEN",
    )
    parser.add_argument("--task-queue", default="orders")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    asyncio.run(serve(options.url, options.token, options.task_queue))
