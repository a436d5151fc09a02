"""The poller as its README has it: over several runs, and over a killed worker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from durable_workflow import Client
from integration.examples.readmes import Example, ended
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually

LAST_LINES = re.compile(
    r"export.csv has 5 bytes: (\d+) polls in (\d+) runs,\n"
    r"and no history is longer than (\d+) events"
)


@pytest.fixture
def example(server: ServerProcess) -> Example:
    return Example.read("long_running_poller", server)


async def test_it_polls_from_run_to_run_until_the_file_is_there(
    example: Example, tmp_path: Path
) -> None:
    file = tmp_path / "export.csv"
    async with Client(example.server.url) as client:

        async def runs() -> int:
            return len((await client.list_workflow_runs("wait-for-export.csv")).runs)

        with example.running(str(file)) as program:
            program.wait_for_line(re.compile("^waiting for export.csv$"))
            with example.working() as worker:
                await eventually(runs, lambda seen: seen >= 2)
                worker.kill()
            with example.working():
                await eventually(runs, lambda seen: seen >= 3)
                # Whole from its first moment: the worker looks at any.
                written = tmp_path / "written"
                written.write_text("done\n")
                written.rename(file)
                printed = ended(program)
    assert printed[0] == example.printed[0]
    found = LAST_LINES.fullmatch("\n".join(printed[1:]))
    assert found is not None, printed
    polls, run_count, events = map(int, found.groups())
    assert run_count >= 3
    assert 2 * run_count - 2 < polls <= 2 * run_count, "two polls in each run but the last"
    assert events < 25
