"""Every Python block of the documentation is run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from durable_workflow import Client
from integration.docs.blocks import (
    FOLLOWED,
    ROOT,
    SPECIAL,
    WITHOUT_PROGRAM,
    Special,
    is_run,
    pages,
    printed,
    programs,
    special,
)
from integration.docs.ports import free_port
from integration.harness.markdown import Fence
from integration.harness.processes import ManagedProcess, ServerProcess, worker_process
from integration.harness.waiting import eventually

PLAIN = [block for block in programs() if not block.has_tests and is_run(block)]
TESTS = {
    page: list(blocks)
    for page, blocks in groupby(
        (block for block in programs() if block.has_tests and is_run(block)),
        key=lambda block: block.page,
    )
}
CONFIGURATION = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
# Clients of cloud stores are made by some blocks, and never asked.
STORES = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AZURE_STORAGE_CONNECTION_STRING": (
        "DefaultEndpointsProtocol=http;AccountName=payloads;AccountKey=c2VjcmV0;"
        "BlobEndpoint=http://127.0.0.1:1/payloads"
    ),
    "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1",
}


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server, and a worker for what the clients of the pages ask for."""
    state = tmp_path_factory.mktemp("docs") / "state.db"
    with (
        ServerProcess(state) as server,
        worker_process(server.url, "integration.docs.companion", quiet=True),
    ):
        yield server.url


def written(block: Fence, row: Special | None, folder: Path, url: str) -> Path:
    """Write a block as a program that finds the server of the tests and a free port."""
    text = block.text.replace("http://localhost:8080", url)
    text = text.replace("start_http_server(9464)", f"start_http_server({free_port()})")
    program = folder / "program.py"
    program.write_text(text if row is None else row.before + text)
    return program


def run(*arguments: str, folder: Path) -> list[str]:
    """Run Python in a folder, and return the lines that it prints.

    Raises:
        AssertionError: It ended with another status than 0; the text has what it said.
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **STORES},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


@pytest.mark.parametrize("block", PLAIN, ids=lambda block: block.place)
async def test_programs_run(block: Fence, url: str, tmp_path: Path) -> None:
    row = special(block)
    program = written(block, row, tmp_path, url)
    if row is not None and row.serves:
        await _serve(program, url)
    else:
        lines = run(str(program), folder=tmp_path)
        assert printed(block) in ([], lines)


async def _serve(program: Path, url: str) -> None:
    """Run a program until its worker has registered, and interrupt it."""
    async with Client(url) as client:
        before = {worker.worker_id for worker in (await client.list_workers()).workers}
        process = ManagedProcess(
            [sys.executable, str(program)], name=program.name, folder=program.parent
        )

        async def registered() -> bool:
            assert process.is_running, process.output
            return {worker.worker_id for worker in (await client.list_workers()).workers} != before

        try:
            await eventually(registered, bool)
        finally:
            process.stop()


@pytest.mark.parametrize("page", sorted(TESTS))
def test_tests_pass(page: str, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(CONFIGURATION)
    for block in TESTS[page]:
        (tmp_path / f"test_line_{block.line}.py").write_text(block.text)
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", folder=tmp_path)


def test_every_row_of_the_table_has_its_block() -> None:
    found = [special(block) for block in programs()]
    assert [row for row in SPECIAL if found.count(row) != 1] == []


def test_every_page_has_a_program_or_says_why_it_has_none() -> None:
    names = {page.relative_to(ROOT).as_posix() for page in pages()}
    run_pages = {block.page for block in programs() if is_run(block)} | set(FOLLOWED)
    assert names - run_pages == set(WITHOUT_PROGRAM)


def test_pages_have_programs_of_both_kinds() -> None:
    assert len(PLAIN) >= 15
    assert len(TESTS) >= 1
