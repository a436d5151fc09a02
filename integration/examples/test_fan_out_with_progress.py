"""The fan-out as its README has it, with a worker that is killed in the middle."""

from __future__ import annotations

import re

import pytest

from durable_workflow import Client
from integration.examples.readmes import Example, ended
from integration.harness.processes import ServerProcess


@pytest.fixture
def example(server: ServerProcess) -> Example:
    return Example.read("fan_out_with_progress", server)


async def test_photos_that_were_done_are_not_done_again_after_a_kill(example: Example) -> None:
    with example.running() as program:
        with example.working() as worker:
            program.wait_for_line(re.compile("^8 of 24$"))
            worker.kill()
        with example.working():
            printed = ended(program)
    # A step may pass between two looks; it is never taken back.
    assert printed == [line for line in example.printed if line in printed]
    assert printed[-2:] == example.printed[-2:]
    async with Client(example.server.url) as client:
        run = await client.describe_workflow("album-holiday")
        assert run.run_id is not None
        history = await client.get_history("album-holiday", run.run_id)
    kinds = [event["event_type"] for event in history["events"]]
    assert kinds.count("ActivityScheduled") == kinds.count("ActivityCompleted") == 24
