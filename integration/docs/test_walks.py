"""Pages that are followed from top to bottom: their files are written, their commands are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.docs.blocks import FOLLOWED, ROOT
from integration.docs.ports import free_port
from integration.harness.markdown import Fence, fences
from integration.harness.processes import ManagedProcess

READY = {
    "dw-server": re.compile(r"listening on http"),
    "dw-worker": re.compile(r"serves task queue"),
}
# The environment of the tests has what a reader installs.
INSTALLS = ("pip ", "python3 -m venv")


class Walk:
    """A reader with a folder, a shell, and a terminal each for a server and a worker."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DW_PORT": port,
            "DURABLE_WORKFLOW_SERVER_URL": self._url,
            "PYTHONUNBUFFERED": "1",
        }
        self._services: dict[str, ManagedProcess] = {}

    def follow(self, block: Fence) -> None:
        """Do what a block says: save a file, or run commands and compare what they print."""
        text = block.text.replace("http://localhost:8080", self._url)
        if block.language == "python":
            name = re.match(r"# (\w+\.py)\n", text)
            assert name, f"{block.place}: the first line names the file"
            (self._folder / name[1]).write_text(text)
            return
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            self._run(block, command, expected)

    def _run(self, block: Fence, command: str, expected: str) -> None:
        words = command.split()
        if command.startswith(INSTALLS):
            return
        if words[0] == "dw-worker" or words[:2] == ["dw-server", "--db"]:
            self._serve(words)
            return
        done = subprocess.run(
            command,
            shell=True,
            cwd=self._folder,
            env={**os.environ, **self._environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        said = "\n".join([done.stdout, *(each.output for each in self._services.values())])
        # A page may show how a program ends that has to be changed.
        status = 1 if expected.startswith("Traceback ") else 0
        assert done.returncode == status, f"{block.place}: {command}\n{said}"
        assert set(expected.splitlines()) <= set(done.stdout.splitlines()), f"{command}\n{said}"

    def _serve(self, words: list[str]) -> None:
        """Start a server or a worker in place of the one that runs, once that has stopped.

        One with `# beside ...` behind it leaves the other one alone.
        """
        name = words[0]
        if "#" in words:
            words = words[: words.index("#")]
            name = " ".join(words)
        if name in self._services:
            assert self._services[name].stop() == 0
        self._services[name] = ManagedProcess(
            words, name=name, environment=self._environment, folder=self._folder
        )
        self._services[name].wait_for_line(READY[words[0]])

    def end(self) -> None:
        for service in self._services.values():
            service.dispose()


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    reader = Walk(tmp_path)
    yield reader
    reader.end()


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_reader_comes_to_the_end(page: str, walk: Walk) -> None:
    blocks = fences(ROOT / page, ROOT, "python", "console")
    assert len(blocks) >= 3
    for block in blocks:
        walk.follow(block)
