"""Every command says which version it is."""

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
