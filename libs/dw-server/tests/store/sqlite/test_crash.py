"""kill -9 amid many units: what was acknowledged is there, and nothing is half there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from durable_workflow.server.store.sqlite import SqliteStore

WRITER = """
import asyncio, sys
from durable_workflow.server.clock import SystemClock
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.store.sqlite import SqliteStore

def main(location):
    from durable_workflow.server.store.schema import Migration
    from durable_workflow.server.store.statements import parse_statements
    schema, queries = sys.argv[2:]
    store = SqliteStore(
        location,
        statements={s.name: s for s in parse_statements(queries, "boxes.sql")},
        migrations=[Migration(1, "boxes", schema)],
        clock=SystemClock(),
        ids=UlidSource(),
    )

    async def client(number):
        step = 0
        while True:
            name = f"{number}-{step}"
            def work(tx):
                tx.do("put_box", name=name, content=1, data=b"x" * 300)
                tx.do("put_box", name=name + "-twin", content=1, data=None)
            await store.run(work)
            sys.stdout.write(name + "\\n")
            sys.stdout.flush()
            step += 1

    async def everyone():
        await asyncio.gather(*[client(number) for number in range(20)])

    asyncio.run(everyone())

main(sys.argv[1])
"""


def write_and_be_killed(location: str, sources: tuple[str, str], acknowledged: int) -> set[str]:
    """Run a writer, kill it after so many acknowledgements; the names that it said were safe."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, location, *sources], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(acknowledged)]
        process.kill()
        said += process.stdout.readlines()
    # The last line may be torn: it was being written when the process died.
    return {line.strip() for line in said if line.endswith("\n")}


@pytest.mark.parametrize("acknowledged", [1, 50, 400])
async def test_a_killed_process_loses_nothing_acknowledged(
    open_file: Callable[[], SqliteStore],
    tmp_path: Path,
    box_sources: tuple[str, str],
    acknowledged: int,
) -> None:
    promised = write_and_be_killed(str(tmp_path / "boxes.db"), box_sources, acknowledged)
    assert len(promised) >= acknowledged

    store = open_file()
    found = {name for (name,) in await store.read(lambda read: read.all("list_boxes"))}
    boxes = {name for name in found if not name.endswith("-twin")}

    assert promised <= boxes
    assert found == boxes | {f"{name}-twin" for name in boxes}
