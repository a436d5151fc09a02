"""Every code block of the user guide is run by a test, in the guide's words."""

import ast
from pathlib import Path

import pytest

from integration.guide.blocks import BLOCKS, Block, Found, find, holds, looks_like_code, words

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def guide(spec_data: Path) -> list[str]:
    """The lines of the guide."""
    return (spec_data.parent / "user-guide.txt").read_text().splitlines()


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.first[:40])
def test_the_table_names_tests_that_exist(block: Block) -> None:
    path, _, name = block.run_by.partition("::")
    source = (ROOT / path).read_text()
    if name:
        functions = [
            node.name
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        assert name in functions


def test_every_block_is_in_the_table(guide: list[str]) -> None:
    inside = {number for found in find(BLOCKS, guide) for number in range(found.start, found.stop)}
    outside = [
        f"{number + 1}: {line}"
        for number, line in enumerate(guide)
        if number not in inside and looks_like_code(line)
    ]
    assert outside == []


def test_blocks_hold_nothing_but_code(guide: list[str]) -> None:
    """No block of the table reaches over a paragraph of the guide."""
    longest = max(found.stop - found.start for found in find(BLOCKS, guide))
    prose = [
        f"{number + 1}: {guide[number]}"
        for found in find(BLOCKS, guide)
        for number in range(found.start, found.stop)
        if guide[number].endswith(".")
        and not guide[number].endswith("...")
        and not guide[number].startswith("#")
    ]
    assert prose == []
    assert longest < 80


def test_each_block_is_run_word_by_word(guide: list[str]) -> None:
    assert [found.block.run_by for found in find(BLOCKS, guide) if not _is_run(found, guide)] == []


def _is_run(found: Found, guide: list[str]) -> bool:
    if found.block.changed:
        return True
    path, _, _ = found.block.run_by.partition("::")
    part = words("\n".join(guide[found.start : found.stop]))
    return bool(part) and holds(words((ROOT / path).read_text()), part)


def test_a_changed_word_is_noticed() -> None:
    program = words(
        'import asyncio\n\nasync def run():\n    await f(\n        "a",\n    )  # why\n'
    )
    assert holds(program, words('await f("a")'))
    assert not holds(program, words('await f("b")'))
