"""What every command does: it says its version, and does not mind who reads what it prints."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points

import pytest

from durable_workflow._protocol import installed_version

_COMMANDS = [
    each
    for each in entry_points(group="console_scripts")
    if each.module.partition(".")[0] == "durable_workflow"
]


def test_there_are_commands() -> None:
    assert {each.name for each in _COMMANDS} >= {"dw-server", "dw-worker"}


@pytest.mark.parametrize("command", _COMMANDS, ids=lambda command: command.name)
def test_a_command_says_its_version(
    command: EntryPoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [command.name, "--version"])
    with pytest.raises(SystemExit) as ended:
        command.load()()
    assert ended.value.code == 0
    assert capsys.readouterr().out.split()[1:] == [installed_version("dw-core")]


_PRINTING = [
    ["durable_workflow.server", "check-config"],
    ["durable_workflow.replay_conformance"],
    ["durable_workflow.replay_conformance", "--json"],
    ["durable_workflow.python_conformance", "--manifest"],
    ["durable_workflow.server", "--version"],
    ["durable_workflow.history_bundle_verify", os.devnull],
    ["durable_workflow.replay_verify", os.devnull, "--simulate-bundles"],
    ["durable_workflow.replay_check", "--workflows", "builtins:list", __file__],
]


@pytest.mark.parametrize("arguments", _PRINTING, ids=" ".join)
def test_a_reader_that_leaves_is_no_failure(arguments: list[str]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", *arguments],
            stdout=writes,
            stderr=subprocess.PIPE,
            text=True,
            # With a buffer, as a command has it: what is left in that is written at the end.
            env={name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"},
            check=False,
        )
    finally:
        os.close(writes)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.parametrize("arguments", _PRINTING[:4], ids=" ".join)
def test_a_command_needs_no_output(arguments: list[str]) -> None:
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
