"""The command lines of the documentation: the commands, their flags and the wheels are there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from integration.docs.blocks import ROOT, pages
from integration.harness.markdown import Fence, fences

# What readers install beside our wheels.
OTHERS = {"pytest", "pytest-asyncio"}


def projects() -> list[dict[str, Any]]:
    return [
        tomllib.loads(path.read_text())["project"]
        for path in sorted((ROOT / "libs").glob("*/pyproject.toml"))
    ]


COMMANDS: set[str] = {name for project in projects() for name in project.get("scripts", {})}
WHEELS: set[str] = {project["name"] for project in projects()}


def lines_of(block: Fence) -> list[list[str]]:
    """The commands of a block as words: without prompts, comments and what is printed."""
    text = block.text.replace("\\\n", " ")
    lines = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return [words for line in lines for words in commands_of(line)]


def commands_of(line: str) -> list[list[str]]:
    """The commands of one line, which a pipe, `&&` or `;` parts."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
    lexer.whitespace_split = True
    parts = groupby(lexer, key=lambda word: set(word) <= set("&|;"))
    return [list(words) for parting, words in parts if not parting]


# The settings that tests read.
SETTINGS = {
    name
    for folder in ("integration", "scripts")
    for path in (ROOT / folder).rglob("*.py")
    for name in re.findall(r'environ\.get\("(\w+)"', path.read_text())
}
BLOCKS = [block for page in pages() for block in fences(page, ROOT, "console")]


@cache
def help_of(*command: str) -> str:
    """What a command says of itself."""
    path = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [path, *command[1:], "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    return done.stdout


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_flags_are_those_of_the_command(block: Fence) -> None:
    for words in lines_of(block):
        if words[0] in COMMANDS:
            known = set(re.findall(r"--[\w-]+", help_of(words[0])))
            if len(words) > 1 and not words[1].startswith("-"):
                known |= set(re.findall(r"--[\w-]+", help_of(*words[:2])))
            flags = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert flags <= known, words


LONG_RUNS = [
    words for block in BLOCKS for words in lines_of(block) if " integration" in " ".join(words)
]


@pytest.mark.parametrize("words", LONG_RUNS, ids=" ".join)
def test_long_runs_have_the_flags_and_settings_that_are_named(words: list[str]) -> None:
    settings = [word.partition("=")[0] for word in words if re.fullmatch(r"[A-Z_]+=\w+", word)]
    assert set(settings) <= SETTINGS
    command = words[len(settings) :]
    assert command[0] == "python"
    flags = {word for word in command if word.startswith("--")}
    assert flags <= set(re.findall(r"--[\w-]+", help_of(*command[:3][: 2 + ("-m" in command)])))
    for path in command:
        assert not path.startswith("integration/") or (ROOT / path).exists()


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_what_is_installed_exists(block: Fence) -> None:
    for words in lines_of(block):
        if words[:2] == ["pip", "install"]:
            names = {
                re.split(r"[\[<>=]", word)[0]
                for word, before in zip(words[2:], words[1:], strict=False)
                if not word.startswith(("-", "dist/"))
                and before not in {"--find-links", "--constraint"}
            }
            assert names <= WHEELS | OTHERS, words


def test_there_are_commands_to_check() -> None:
    assert {"dw-server", "dw-worker", "durable-workflow-replay-check"} <= COMMANDS
    used = {words[0] for block in BLOCKS for words in lines_of(block)}
    assert {"dw-worker", "pip"} <= used
