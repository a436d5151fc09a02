"""The words of `docs/glossary.md`: each stands once, and those that it replaces are not names."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

REPLACED = "## Words that we do not use"
# What was written once stays as it is: steps of the schema, and files of older releases.
WRITTEN_ONCE = {"migrations", "states"}
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def rows(text: str) -> list[str]:
    """The first cells of all tables."""
    cells = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    return [cell for cell in cells if cell not in {"word", "instead of", "---"}]


def words_of(name: str) -> Iterator[str]:
    """The parts of a name in lower case, as they stand and without a plural `s`."""
    for part in PARTS.findall(name):
        yield part.lower()
        yield part.lower().removesuffix("s")


def names_in(path: Path) -> Iterator[tuple[int, str]]:
    text = path.read_text()
    if path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                yield token.start[0], token.string
    else:
        for number, line in enumerate(text.splitlines(), 1):
            for name in re.findall(r"\w+", line.partition("--")[0]):
                yield number, name


def test_each_word_of_the_glossary_stands_once(root: Path) -> None:
    explained = rows((root / "docs/glossary.md").read_text().partition(REPLACED)[0])
    words = [word for cell in explained for word in re.split(r", \*?", cell.replace("*", ""))]
    assert len(words) > 50
    assert sorted(words) == sorted(set(words))


def test_nothing_is_named_by_a_word_that_the_glossary_replaces(
    root: Path, tracked: list[Path]
) -> None:
    cells = rows((root / "docs/glossary.md").read_text().partition(REPLACED)[2])
    replaced = {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}
    assert "clockwork" in replaced
    wrong: list[str] = []
    for path in tracked:
        if path.suffix not in {".py", ".sql"} or path.parent.name in WRITTEN_ONCE:
            continue
        found = [(0, path.stem), *names_in(path)]
        wrong += [
            f"{path.relative_to(root)}:{line} {name}"
            for line, name in found
            if not replaced.isdisjoint(words_of(name))
        ]
    assert not wrong, f"docs/glossary.md has another word for it: {wrong}"
