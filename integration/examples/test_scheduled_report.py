"""The scheduled report as its README has it, with a worker that is killed while it reports."""

from __future__ import annotations

import re

import pytest

from durable_workflow import Client
from integration.examples.readmes import Example, ended
from integration.harness.processes import ServerProcess

COUNTING = re.compile(r"starting activity count_tickets")


@pytest.fixture
def example(server: ServerProcess) -> Example:
    return Example.read("scheduled_report", server)


async def test_the_report_is_sent_although_the_worker_was_killed(example: Example) -> None:
    async with Client(example.server.url) as client:
        with example.running() as program:
            program.wait_for_line(re.compile("is active$"))
            with example.working() as worker:
                worker.wait_for_line(COUNTING)
                schedule = client.get_schedule_handle("report-support")
                assert (await schedule.trigger()).outcome == "skipped", "one is under way"
                worker.kill()
            with example.working():
                printed = ended(program)
        assert printed[:-1] == example.printed[:-1]
        described = await schedule.describe()
        assert described.fires_count == 1
        assert described.next_fire_at is not None
