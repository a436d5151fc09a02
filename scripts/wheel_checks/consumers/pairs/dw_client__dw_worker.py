"""A worker of dw-worker takes the client of dw-client."""

import asyncio

from durable_workflow import Client, Worker, activity


@activity.defn(name="double")
def double(number: int) -> int:
    return 2 * number


async def main() -> None:
    async with Client("http://127.0.0.1:9", token="secret") as client:
        worker = Worker(client, task_queue="default", activities=[double])
        await worker.stop()


asyncio.run(main())
