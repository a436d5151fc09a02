"""The external payloads as their README has them, and one that somebody has changed."""

from __future__ import annotations

from pathlib import Path

from integration.examples.readmes import Example
from integration.harness.processes import ServerProcess


def test_a_document_comes_back_whole_or_not_at_all(server: ServerProcess, tmp_path: Path) -> None:
    example = Example.read("external_payloads", server, PAYLOADS=str(tmp_path))
    with example.working():
        assert example.run() == example.printed
    assert example.run() == example.printed, "the result is read from the store without a worker"
    for file in filter(Path.is_file, tmp_path.rglob("*")):
        file.write_bytes(file.read_bytes()[:-1] + b"!")
    with example.running() as program:
        assert program.wait(timeout=60) == 1
        said = "document-1: external payload hash does not match its reference: file://"
        assert program.output.startswith(said)
