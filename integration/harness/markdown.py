"""The fenced blocks of Markdown pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(?P<language>[^\n]*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Fence:
    """One fenced block.

    Attributes:
        page: The page's path below the root of the project.
        line: The line of its first line of text, counted from 1.
        language: What stands behind the opening fence.
        text: What stands between the fences.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """Page and line, as editors and terminals read them."""
        return f"{self.page}:{self.line}"

    @property
    def has_tests(self) -> bool:
        """Whether the block is a test module."""
        return re.search(r"^(?:async )?def test_", self.text, re.MULTILINE) is not None


def fences(page: Path, root: Path, *languages: str) -> list[Fence]:
    """Read the fenced blocks of a page, in its order.

    Args:
        page: The page's file.
        root: The project's root, which holds the page.
        *languages: Those that are wanted; without any, every block.
    """
    text = page.read_text()
    name = page.relative_to(root).as_posix()
    return [
        Fence(name, text.count("\n", 0, match.start("text")) + 1, match["language"], match["text"])
        for match in _FENCE.finditer(text)
        if not languages or match["language"] in languages
    ]


def prose(text: str) -> str:
    """The text of a page without its fenced blocks."""
    return _FENCE.sub("", text)
