"""The named statements: SQL lives in ``queries/*.sql`` and nowhere else.

A statement begins with a line ``-- name: what it promises`` and ends where the next begins.
Parameters are written ``:name``. A dialect says something its own way in a file of the folder
``queries/<dialect>/``, under the same name; callers cannot tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TypeAlias

import msgspec

from durable_workflow.server.store.errors import StatementMisused

QUERIES = Path(__file__).parent / "queries"

_HEADER = re.compile(r"^-- ([a-z][a-z0-9_]*): (\S.*)$")
# A parameter, but not in a string literal, a comment, or PostgreSQL's `::type`.
_TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|::|:([a-z_][a-z0-9_]*)")


class Statement(msgspec.Struct, frozen=True):
    """One named statement.

    Attributes:
        promise: The line that says what it does.
        parameters: Names of its parameters; a caller gives exactly these.
        source: File that it stands in.
    """

    name: str
    promise: str
    text: str
    parameters: AbstractSet[str]
    source: str


Statements: TypeAlias = Mapping[str, Statement]


def load_statements(dialect: str, folder: Path = QUERIES) -> dict[str, Statement]:
    """Read every statement, with those of `dialect` in place of the general ones.

    Raises:
        StatementMisused: A name stands twice, a dialect overrides what does not exist or with other
            parameters, or a file has text before its first statement.
    """
    found = _load(sorted(folder.glob("*.sql")))
    for name, statement in _load(sorted((folder / dialect).glob("*.sql"))).items():
        general = found.get(name)
        if general is None:
            raise StatementMisused(f"{statement.source} overrides {name!r}, which does not exist")
        if general.parameters != statement.parameters:
            raise StatementMisused(f"{statement.source}: {name!r} takes other parameters")
        found[name] = statement
    return found


def parse_statements(text: str, source: str) -> Iterator[Statement]:
    """Split one file into its statements."""
    name = promise = ""
    body: list[str] = []
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header is None:
            body.append(line)
            continue
        yield from _finish(name, promise, body, source)
        name, promise = header.groups()
        body = []
    yield from _finish(name, promise, body, source)


def _finish(name: str, promise: str, body: list[str], source: str) -> Iterator[Statement]:
    text = "\n".join(body).strip().rstrip(";").rstrip()
    if not name:
        if any(line.strip() and not line.startswith("--") for line in body):
            raise StatementMisused(f"{source} begins with a statement that has no name")
        return
    if not text:
        raise StatementMisused(f"{source}: {name!r} is empty")
    parameters = frozenset(found for found in _TOKEN.findall(text) if found)
    yield Statement(name, promise, text, parameters, source)


def _load(files: list[Path]) -> dict[str, Statement]:
    found: dict[str, Statement] = {}
    for file in files:
        for statement in parse_statements(file.read_text("utf-8"), file.name):
            if other := found.get(statement.name):
                raise StatementMisused(
                    f"{statement.name!r} stands in {other.source} and in {statement.source}"
                )
            found[statement.name] = statement
    return found
