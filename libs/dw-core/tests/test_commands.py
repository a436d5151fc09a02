"""Commands whose standard streams are closed, or whose reader leaves."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from durable_workflow._commands import command

PROGRAM = """
import os, sys
from durable_workflow._commands import command

@command
def main(status: int) -> int:
    print("x" * 100_000)
    report = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
    os.write(report, f"{report > 2} {sys.stdout.writable()} {sys.stderr.writable()}".encode())
    return status

sys.exit(main(3))
"""


def test_a_reader_that_leaves_is_no_failure(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, f"{tmp_path}/report"],
            stdout=writes,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writes)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path, closed: str) -> None:
    report = f"{tmp_path}/report"
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", PROGRAM, report],
        stdout=subprocess.DEVNULL,
        check=False,
    )
    assert ended.returncode == 3
    with open(report, encoding="utf-8") as file:
        assert file.read() == "True True True"


def test_a_command_that_prints_nothing_needs_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    output.close()
    monkeypatch.setattr(sys, "stdout", output)
    assert command(lambda: 3)() == 3
