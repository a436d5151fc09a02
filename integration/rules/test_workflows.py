"""The workflows of GitHub: pinned, least privileged, and for every Python that is supported."""

import re
import tomllib
from pathlib import Path

import pytest

PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*")


@pytest.fixture(scope="session")
def workflows(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (root / ".github/workflows").glob("*.yml")}


def test_every_action_is_pinned_to_a_commit(workflows: dict[str, str]) -> None:
    used = [
        (name, action)
        for name, text in workflows.items()
        for action in re.findall(r"uses: (.+)", text)
    ]
    assert len(used) > 5
    assert [
        use for use in used if not use[1].startswith("./") and not PINNED.fullmatch(use[1])
    ] == []


def test_one_action_has_one_version(workflows: dict[str, str]) -> None:
    used = set(re.findall(r"uses: ([^./][^@]+)@(\S+)", "\n".join(workflows.values())))
    assert len({name for name, _ in used}) == len(used)


def test_workflows_may_read_and_jobs_ask_for_more(workflows: dict[str, str]) -> None:
    for name, text in workflows.items():
        assert "\npermissions:\n  contents: read\n" in text, name
        assert "secrets." not in text, f"{name}: publishing needs no secret"


def test_text_of_an_event_reaches_no_shell(workflows: dict[str, str]) -> None:
    for name, text in workflows.items():
        for line in text.splitlines():
            assert not re.search(r"run: .*\$\{\{", line), f"{name}: {line}: pass it by env"


def test_tests_run_on_every_python_that_is_supported(root: Path, workflows: dict[str, str]) -> None:
    project = tomllib.loads((root / "libs/dw-core/pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: "
    supported = [line.removeprefix(prefix) for line in project["classifiers"] if prefix in line]
    matrix = ", ".join(f'"{version}"' for version in supported)
    assert f"python: [{matrix}]" in workflows["ci.yml"]


def test_no_script_and_no_workflow_lists_the_wheels(
    root: Path, wheels: list[str], workflows: dict[str, str]
) -> None:
    scripts = {
        path.name: path.read_text()
        for path in (root / "scripts").iterdir()
        if path.is_file() and path.suffix != ".txt"
    }
    for name, text in (workflows | scripts).items():
        named = [wheel for wheel in wheels if re.search(rf"libs/{wheel}\b", text)]
        assert len(named) <= 2, f"{name} names {named}: find them in libs/"
