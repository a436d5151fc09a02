"""What users must not write is refused by both type checkers, line by line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "typing_tests" / "rejected"
FILES = sorted(FOLDER.glob("*.py"))
MARK = "# rejected"

Lines = dict[str, set[int]]


def marked() -> Lines:
    return {
        path.name: {
            number
            for number, line in enumerate(path.read_text().splitlines(), 1)
            if line.rstrip().endswith(MARK)
        }
        for path in FILES
    }


def refused_by_mypy() -> Lines:
    command = ["-m", "mypy", "--no-error-summary", "--hide-error-context", *map(str, FILES)]
    lines: Lines = {path.name: set() for path in FILES}
    for line in run(command).splitlines():
        found = re.match(r"(.*?):(\d+): error: ", line)
        if found is not None:
            lines[Path(found[1]).name].add(int(found[2]))
    return lines


def refused_by_pyright(folder: Path) -> Lines:
    settings = folder / "pyrightconfig.json"
    settings.write_text(
        json.dumps(
            {
                "include": [str(FOLDER)],
                "typeCheckingMode": "strict",
                "pythonVersion": "3.11",
                "extraPaths": [str(path) for path in sorted(ROOT.glob("libs/*/src"))],
                "stubPath": str(ROOT / "typings"),
            }
        )
    )
    command = ["-m", "basedpyright", "--outputjson", "--project", str(settings)]
    report = json.loads(run([*command, "--pythonpath", sys.executable]))
    assert report["summary"]["filesAnalyzed"] == len(FILES)
    lines: Lines = {path.name: set() for path in FILES}
    for entry in report["generalDiagnostics"]:
        if entry["severity"] == "error":
            lines[Path(entry["file"]).name].add(entry["range"]["start"]["line"] + 1)
    return lines


def run(command: list[str]) -> str:
    """What a checker prints. Its exit status says that there are errors, as there must be."""
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, done.stderr
    return done.stdout


def test_there_are_lines_to_refuse() -> None:
    assert FILES
    assert all(marked().values())


def test_mypy_refuses_the_marked_lines_and_no_others() -> None:
    pytest.importorskip("mypy")
    assert refused_by_mypy() == marked()


def test_pyright_refuses_the_marked_lines_and_no_others(tmp_path: Path) -> None:
    pytest.importorskip("basedpyright")
    assert refused_by_pyright(tmp_path) == marked()
