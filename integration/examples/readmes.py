"""Examples as their READMEs say: two commands, both as processes, and what the second prints."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration.harness.processes import ManagedProcess, ServerProcess

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
REGISTERED = re.compile(r"worker \S+ registered on task queue")


@dataclass(frozen=True)
class Example:
    """An example on a server.

    Attributes:
        server: The server.
        worker: The first command of its README.
        program: The second one.
        printed: What the README says that the program prints.
        environment: Added to the environment of both.
    """

    server: ServerProcess
    worker: Sequence[str]
    program: Sequence[str]
    printed: Sequence[str]
    environment: Mapping[str, str]

    @classmethod
    def read(cls, name: str, server: ServerProcess, **environment: str) -> Example:
        """Read the README of the example `name`."""
        text = (EXAMPLES / name / "README.md").read_text()
        block = re.search(r"```console\n(\$ dw-worker .*?)```", text, re.DOTALL)
        assert block is not None, f"the README of {name} shows no worker"
        worker, program, *printed = block[1].splitlines()
        return cls(server, argv(worker), argv(program), printed, environment)

    @contextmanager
    def working(self) -> Generator[ManagedProcess]:
        """Its worker, registered."""
        with self._running(self.worker, "worker") as worker:
            worker.wait_for_line(REGISTERED)
            yield worker

    @contextmanager
    def running(self, *arguments: str) -> Generator[ManagedProcess]:
        """Its program, with these arguments instead of those of the README if there are any."""
        # python -m NAME
        command = [*self.program[:3], *arguments] if arguments else self.program
        with self._running(command, "program") as program:
            yield program

    def run(self, *arguments: str) -> list[str]:
        """Run its program to the end and return the lines that it printed."""
        with self.running(*arguments) as program:
            return ended(program)

    @contextmanager
    def _running(self, command: Sequence[str], name: str) -> Generator[ManagedProcess]:
        process = ManagedProcess(
            command,
            environment={"DURABLE_WORKFLOW_SERVER_URL": self.server.url, **self.environment},
            name=name,
            folder=EXAMPLES,
        )
        try:
            yield process
        except BaseException as error:
            error.add_note(f"the {name} said:\n{process.output}")
            raise
        finally:
            process.dispose()


def argv(line: str) -> list[str]:
    """The command of a line as `$ dw-worker ...`, run by this interpreter."""
    command = shlex.split(line.removeprefix("$ "))
    known = {"dw-worker": ["-m", "durable_workflow.worker"], "python": []}
    return [sys.executable, *known[command[0]], *command[1:]]


def ended(program: ManagedProcess) -> list[str]:
    """The lines of a program, once it has ended as it should."""
    assert program.wait(timeout=60) == 0, program.output
    return program.output.splitlines()
