"""Starting and observing workflows."""

from typing import assert_type

from durable_workflow import Client, WorkflowFailed
from durable_workflow.client import WorkflowExecution, WorkflowHandle, WorkflowList


async def start_and_observe(url: str) -> object:
    async with Client(url, token="dev-token", namespace="default", timeout=60.0) as client:
        assert_type(client, Client)
        handle = await client.start_workflow(
            workflow_type="greeter",
            task_queue="default",
            workflow_id="greeting-1",
            input=["world"],
            duplicate_policy="use-existing",
            execution_timeout_seconds=600,
        )
        assert_type(handle, WorkflowHandle)
        assert_type(handle.workflow_id, str)

        execution = await client.describe_workflow("greeting-1")
        assert_type(execution, WorkflowExecution)
        assert_type(await handle.describe(), WorkflowExecution)
        assert_type(await client.list_workflows(), WorkflowList)
        try:
            return await handle.result(timeout=10.0)
        except WorkflowFailed as failure:
            assert_type(failure.exception_class, str | None)
            return str(failure)
