"""The first program of the guide, on a server of its own: python quickstart.py [STATE.db]"""

import asyncio
import json
import sys

from durable_workflow import Client, Worker, activity, workflow
from durable_workflow.server import embedded_server


@activity.defn(name="greet")
async def greet(name: str) -> dict:
    return {"greeting": f"Hello, {name}!", "length": len(name)}


@workflow.defn(name="greeter")
class GreeterWorkflow:
    def run(self, ctx, *args):
        result = yield ctx.schedule_activity("greet", list(args))
        return result


async def main(db: str = ":memory:") -> None:
    async with (
        embedded_server(db=db, token="dev-token") as url,
        Client(url, token="dev-token", namespace="default") as client,
    ):
        handle = await client.start_workflow(
            workflow_type="greeter",
            task_queue="default",
            workflow_id="greeting-1",
            input=["world"],
        )

        worker = Worker(
            client,
            task_queue="default",
            workflows=[GreeterWorkflow],
            activities=[greet],
        )

        await worker.run_until(workflow_id="greeting-1", timeout=30.0)
        result = await handle.result(timeout=10.0)

        print(json.dumps(result))  # {"greeting": "Hello, world!", "length": 5}


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
