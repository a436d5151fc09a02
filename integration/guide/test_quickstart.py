# The programs stand in the guide's own words.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, type-arg"
# pyright: basic
"""The first program of the user guide."""

import asyncio

import pytest

from durable_workflow import Client, Worker, activity, workflow


def test_the_quickstart(url: str, token: str, capsys: pytest.CaptureFixture[str]) -> None:
    @activity.defn(name="greet")
    async def greet(name: str) -> dict:
        return {"greeting": f"Hello, {name}!", "length": len(name)}

    @workflow.defn(name="greeter")
    class GreeterWorkflow:
        def run(self, ctx, *args):
            result = yield ctx.schedule_activity("greet", list(args))
            return result

    async def main():
        async with Client(url, token=token, namespace="default") as client:
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

            print(result)  # {"greeting": "Hello, world!", "length": 5}

    asyncio.run(main())
    assert capsys.readouterr().out == "{'greeting': 'Hello, world!', 'length': 5}\n"
