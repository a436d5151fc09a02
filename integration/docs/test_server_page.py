"""What docs/server.md shows beside Python: its commands, files and expressions are tried."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable_workflow.sync import Client
from integration.docs.blocks import ROOT
from integration.harness.markdown import Fence, fences
from integration.harness.processes import ServerProcess

PAGE = ROOT / "docs/server.md"


def blocks(language: str, word: str = "") -> list[Fence]:
    """The blocks of a language with a word in them; there is at least one."""
    found = [block for block in fences(PAGE, ROOT, language) if word in block.text]
    assert found
    return found


def check_config(*arguments: str) -> str:
    """What `dw-server check-config` prints, which must be content."""
    done = subprocess.run(
        [sys.executable, "-m", "durable_workflow.server", "check-config", *arguments],
        env={**os.environ, "BILLING_TOKEN": "secret"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the run that the page asks about."""
    with ServerProcess(tmp_path_factory.mktemp("server") / "state.db") as server:
        with Client(server.url) as client:
            client.start_workflow(
                workflow_type="order", task_queue="orders", workflow_id="order-7", input=[]
            )
        yield server.url


def test_the_settings_file_is_taken(tmp_path: Path) -> None:
    [block] = blocks("toml")
    path = tmp_path / "settings.toml"
    path.write_text(block.text)
    said = check_config("--config", str(path))
    assert "/var/lib/dw/state.db" in said
    assert "billing:mail" in said


def test_the_file_of_carriers_is_taken(tmp_path: Path) -> None:
    [block] = blocks("json")
    path = tmp_path / "executors.json"
    path.write_text(block.text)
    assert str(path) in check_config("--external-executor-config-path", str(path))


def test_the_expressions_are_understood(url: str) -> None:
    [block] = blocks("sql")
    with Client(url) as client:
        for line in block.text.splitlines():
            assert client.list_workflows(query=line).executions == []


@pytest.mark.parametrize("block", blocks("console", "curl"), ids=lambda block: block.place)
def test_the_requests_are_answered(block: Fence, url: str, tmp_path: Path) -> None:
    command = block.text.removeprefix("$ ").replace("http://127.0.0.1:8080", url)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command.replace('curl ', 'curl --fail ')}"],
        env={**os.environ, "TOKEN": "secret"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = [path.stat().st_size for path in tmp_path.iterdir()]
    assert done.stdout or (written and min(written) > 0)
