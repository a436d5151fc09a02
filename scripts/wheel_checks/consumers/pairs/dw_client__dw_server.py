"""dw-client on the server of dw-server: a run that no worker takes is started, seen and ended."""

import asyncio

from durable_workflow import Client, WorkflowTerminated
from durable_workflow.server import embedded_server


async def main() -> None:
    async with (
        embedded_server(db=":memory:", token="secret") as url,
        Client(url, token="secret") as client,
    ):
        handle = await client.start_workflow(
            workflow_type="greeter", task_queue="default", workflow_id="greeting-1", input=["world"]
        )
        assert (await handle.describe()).workflow_id == "greeting-1"
        await handle.terminate(reason="seen enough")
        try:
            await handle.result(timeout=10)
        except WorkflowTerminated:
            return
        raise AssertionError("a terminated run has a result")


asyncio.run(main())
