"""The agent as its README has it: it waits for a person over a killed worker."""

from __future__ import annotations

import re

import pytest

from durable_workflow import Client
from integration.examples.readmes import Example, ended
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually

WAITS = re.compile("^refund_order waits for")


@pytest.fixture
def example(server: ServerProcess) -> Example:
    return Example.read("ai_agent", server)


async def test_nothing_is_asked_or_done_twice_after_a_kill(example: Example) -> None:
    async with Client(example.server.url) as client:
        handle = client.get_workflow_handle("conversation-with-kim")
        with example.running() as program:
            with example.working() as worker:
                program.wait_for_line(WAITS)
                before = await handle.query("conversation")
                worker.kill()
            with example.working():
                assert await handle.query("conversation") == before
                approved = example.run("approve")
                assert approved == ['approved: refund_order {"order": "17", "cents": 4900}']
                assert ended(program) == example.printed
        run = await handle.describe()
        assert run.run_id is not None
        history = await client.get_history(run.workflow_id, run.run_id)
        types = [
            event["payload"]["activity_type"]
            for event in history["events"]
            if event["event_type"] == "ActivityScheduled"
        ]
        turns = ["find_order", "refund_order", "send_mail"]
        assert types == [each for tool in turns for each in ("call_model", tool)] + ["call_model"]


async def test_what_is_refused_or_fails_is_told_to_the_model(example: Example) -> None:
    async with Client(example.server.url) as client:
        with example.working():
            lost = await client.start_workflow(
                workflow_type="support-agent", task_queue="agents", input=["Refund order 18!"]
            )
            refused = await client.start_workflow(
                workflow_type="support-agent", task_queue="agents", input=["Refund order 17!"]
            )

            async def waits_for() -> dict[str, str] | None:
                conversation = await refused.query("conversation")
                waits: dict[str, str] | None = conversation["waits_for"]
                return waits

            waits = await eventually(waits_for, bool)
            assert waits is not None
            await refused.signal("decide", [waits["id"], False])
            await refused.signal("decide", [waits["id"], True])
            assert "you get no refund: it was not approved" in await refused.result()
            assert "there is no order 18" in await lost.result()
