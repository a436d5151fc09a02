"""The fixtures in sessions of other kinds than ours."""

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import asyncio

import pytest

from durable_workflow import workflow


@workflow.defn(name="echo")
class Echo:
    def run(self, ctx, word):
        yield ctx.side_effect(lambda: None)
        return word


@pytest.fixture
def anyio_backend():
    return "asyncio"


{decorator}
async def test_a(dw_client, dw_worker):
    async with dw_worker(workflows=[Echo]):
        handle = await dw_client.start_workflow(
            workflow_type="echo", task_queue="default", workflow_id="e", input=["word"]
        )
        assert await handle.result(timeout=20) == "word"


{decorator}
async def test_b(dw_client):
    assert (await dw_client.list_workflows()).executions == []
"""
_PLAIN = """
def test_a(dw_client):
    pass
"""


def run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_program.py").write_text(program)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("decorator", "arguments"),
    [
        ("@pytest.mark.anyio", ["-p", "no:asyncio"]),
        ("@pytest.mark.asyncio", ["-o", "asyncio_default_fixture_loop_scope=function"]),
        (
            "@pytest.mark.asyncio(loop_scope='module')",
            ["-o", "asyncio_default_fixture_loop_scope=function"],
        ),
        (
            "@pytest.mark.asyncio",
            [
                "-o",
                "asyncio_default_fixture_loop_scope=function",
                "-o",
                "asyncio_default_test_loop_scope=session",
            ],
        ),
    ],
)
def test_the_client_belongs_to_the_loop_of_the_test(
    tmp_path: Path, decorator: str, arguments: list[str]
) -> None:
    done = run(tmp_path, _PROGRAM.format(decorator=decorator), *arguments)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_a_plain_test_is_told_what_to_use(tmp_path: Path) -> None:
    done = run(tmp_path, _PLAIN, "-p", "no:asyncio")
    assert "dw_client is for tests that are coroutines" in done.stdout, done.stdout
