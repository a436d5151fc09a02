"""What a service that only starts workflows may do with dw-client."""

import asyncio
from typing import assert_type

from durable_workflow import Client
from durable_workflow.client import WorkflowExecution, WorkflowHandle


async def start(url: str) -> WorkflowExecution:
    async with Client(url, token="secret") as client:
        assert_type(client, Client)
        handle = await client.start_workflow(
            workflow_type="greeter", task_queue="default", workflow_id="greeting-1", input=["world"]
        )
        assert_type(handle, WorkflowHandle)
        return await handle.describe()


async def main() -> None:
    async with Client("http://127.0.0.1:9", token="secret") as client:
        assert isinstance(client.get_workflow_handle("greeting-1"), WorkflowHandle)


if __name__ == "__main__":
    asyncio.run(main())
