"""What files say: no traces of one machine, and documents that name what exists."""

import ast
import os
import re
from pathlib import Path

from integration.docs.blocks import FOLLOWED
from integration.harness.markdown import fences, prose

COMMAND = re.compile(r"(?<![\w/.-])(?:\./)?((?:scripts|\.ci)/[\w.-]+)")
INNER_PROPERTY = re.compile(r"^[ \t]+@given\(", re.MULTILINE)
MODULE = re.compile(r"`([\w/]+\.py)`")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def documents(tracked: list[Path]) -> list[Path]:
    return [path for path in tracked if path.suffix == ".md"]


def test_nothing_names_a_folder_of_one_machine(root: Path, tracked: list[Path]) -> None:
    folder = "/" + "work/"
    beside = "../" + "shared"
    wrong: list[str] = []
    for path in tracked:
        if path.suffix in {".json", ".avro", ".db"}:
            continue
        name = path.relative_to(root)
        is_test = "tests" in name.parts or name.parts[0] == "integration"
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if folder in line or (beside in line and not is_test):
                wrong.append(f"{name}:{number}")
    assert not wrong, f"the project stands by itself: {wrong}"


def test_every_command_in_the_documents_exists_and_is_executable(
    root: Path, tracked: list[Path]
) -> None:
    named = {
        command
        for path in documents(tracked)
        for command in COMMAND.findall(path.read_text())
        if not command.endswith((".py", ".md", ".txt"))
    }
    assert {"scripts/quickstart", "scripts/test", ".ci/run"} <= named
    assert [name for name in sorted(named) if not os.access(root / name, os.X_OK)] == []


def test_the_readme_shows_two_commands_and_a_first_program(root: Path) -> None:
    blocks = [block.text for block in fences(root / "README.md", root)]
    assert any("scripts/quickstart" in block for block in blocks)
    assert any("scripts/test" in block for block in blocks)
    program = (root / "examples/quickstart.py").read_text()
    wanted = program[program.index("import asyncio") :].strip()
    assert any(block.strip() == wanted for block in blocks), "README shows examples/quickstart.py"


def test_links_between_documents_lead_somewhere(root: Path, tracked: list[Path]) -> None:
    broken = [
        f"{path.relative_to(root)}: {target}"
        for path in documents(tracked)
        for target in LINK.findall(prose(path.read_text()))
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []


def test_programs_in_the_documents_parse_and_import_what_is_there(
    root: Path, tracked: list[Path]
) -> None:
    seen = 0
    for path in documents(tracked):
        if path.relative_to(root).as_posix() in FOLLOWED:  # their programs import each other
            continue
        for block in fences(path, root, "python"):
            imports = [
                node
                for node in ast.walk(ast.parse(block.text, str(path)))
                if isinstance(node, ast.Import | ast.ImportFrom)
            ]
            exec(compile(ast.Module([*imports], []), str(path), "exec"), {})
            seen += 1
    assert seen > 3


def test_modules_that_the_documents_name_are_there(root: Path, tracked: list[Path]) -> None:
    files = [f"/{path.relative_to(root)}" for path in tracked]
    wrong = [
        f"{path.relative_to(root)}: {name}"
        for path in documents(tracked)
        for name in MODULE.findall(path.read_text())
        if not any(file.endswith(f"/{name}") for file in files)
    ]
    assert wrong == []


def test_every_changelog_fragment_says_which_kind_of_change_it_is(root: Path) -> None:
    names = [path.name for path in (root / "changelog.d").iterdir() if path.name != "README.md"]
    kinds = r"[\w+-]+\.(added|changed|deprecated|removed|fixed|security)\.md"
    assert [name for name in names if not re.fullmatch(kinds, name)] == []


def test_the_long_run_finds_every_property(root: Path, tracked: list[Path]) -> None:
    """It selects by the mark that tests with `@given` have; not those with one in their body."""
    assert "-m hypothesis" in (root / "scripts/soak").read_text()
    unmarked = [
        str(path.relative_to(root))
        for path in tracked
        if path.name.startswith("test_") and path.suffix == ".py"
        if INNER_PROPERTY.search(text := path.read_text())
        if "pytestmark = pytest.mark.hypothesis" not in text
    ]
    assert unmarked == []
