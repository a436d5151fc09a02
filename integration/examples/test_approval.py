"""The approvals as their README has them, and one that waits over a killed worker."""

from __future__ import annotations

import pytest

from durable_workflow import Client, UpdateRejected
from integration.examples.readmes import Example
from integration.harness.processes import ServerProcess


@pytest.fixture
def example(server: ServerProcess) -> Example:
    return Example.read("approval", server)


async def test_one_is_approved_one_rejected_and_one_forgotten(example: Example) -> None:
    async with Client(example.server.url) as client:
        with example.working() as worker:
            assert example.run() == example.printed
            handle = await client.start_workflow(
                workflow_type="approve-expense",
                task_queue="approvals",
                input=[{"expense_id": "train", "employee": "ada", "amount": 40}, 60],
            )
            assert (await handle.query("state"))["status"] == "waiting"
            worker.kill()
        with example.working():
            with pytest.raises(UpdateRejected, match="of their own"):
                await handle.update("decide", [{"approved": True, "by": "ada", "reason": ""}])
            await handle.update("decide", [{"approved": True, "by": "bob", "reason": ""}])
            assert (await handle.result())["payment"] == "payment-of-train"
