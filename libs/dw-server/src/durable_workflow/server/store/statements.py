"""The named statements: SQL lives in ``queries/*.sql`` and nowhere else.

A statement begins with a line ``-- name: what it promises`` and ends where the next begins.
Parameters are written ``:name``. A dialect says something its own way in a file of the folder
``queries/<dialect>/``, under the same name; callers cannot tell.

What several statements share is a fragment. It begins with a line ``-- {name}: what it is`` and is
put where a statement, of any file, says ``{name}``. Of a fragment that is a list of columns
``{:name}`` is the list of the parameters for them. A dialect overrides fragments as it does
statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from durable_workflow.server.store.errors import StatementMisused

QUERIES = Path(__file__).parent / "queries"

_HEADER = re.compile(r"^-- ([a-z][a-z0-9_]*|\{[a-z][a-z0-9_]*\}): (\S.*)$")
_NOT_CODE = r"'(?:[^']|'')*'|--[^\n]*"
# A parameter, but not in a string literal, a comment, or PostgreSQL's `::type`.
_TOKEN = re.compile(_NOT_CODE + r"|::|:([a-z_][a-z0-9_]*)")
_FRAGMENT = re.compile(_NOT_CODE + r"|\{(:?)([^{}\n]*)\}")
_COLUMNS = re.compile(r"\s*[a-z_][a-z0-9_]*(?:,\s*[a-z_][a-z0-9_]*)*\s*")
_COLUMN = re.compile(r"[a-z_][a-z0-9_]*")


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


class _Section(NamedTuple):
    """A statement or a fragment as it stands in a file; a fragment's name is in braces."""

    name: str
    promise: str
    text: str
    source: str


_Sections: TypeAlias = dict[str, _Section]


def load_statements(dialect: str, folder: Path = QUERIES) -> dict[str, Statement]:
    """Read every statement, with those of `dialect` in place of the general ones.

    Raises:
        StatementMisused: A name stands twice, a dialect overrides what does not exist or with other
            parameters, a statement names a fragment that does not exist, or a file has text before
            its first statement.
    """
    general = _load(sorted(folder.glob("*.sql")))
    own = _load(sorted((folder / dialect).glob("*.sql")))
    for name, section in own.items():
        if name not in general:
            raise StatementMisused(f"{section.source} overrides {name!r}, which does not exist")
    sections = general | own
    found = {name: _statement(sections[name], sections) for name in general if _is_statement(name)}
    for name in filter(_is_statement, own):
        if _statement(general[name], sections).parameters != found[name].parameters:
            raise StatementMisused(f"{own[name].source}: {name!r} takes other parameters")
    return found


def parse_statements(text: str, source: str) -> Iterator[Statement]:
    """The statements of one text, which has all the fragments that they name."""
    sections = _unique(_split(text, source))
    for name, section in sections.items():
        if _is_statement(name):
            yield _statement(section, sections)


def _load(files: list[Path]) -> _Sections:
    return _unique(
        section for file in files for section in _split(file.read_text("utf-8"), file.name)
    )


def _unique(sections: Iterator[_Section]) -> _Sections:
    found: _Sections = {}
    for section in sections:
        if other := found.get(section.name):
            raise StatementMisused(
                f"{section.name!r} stands in {other.source} and in {section.source}"
            )
        found[section.name] = section
    return found


def _split(text: str, source: str) -> Iterator[_Section]:
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


def _finish(name: str, promise: str, body: list[str], source: str) -> Iterator[_Section]:
    text = "\n".join(body).strip().rstrip(";").rstrip()
    if not name:
        if any(line.strip() and not line.startswith("--") for line in body):
            raise StatementMisused(f"{source} begins with a statement that has no name")
        return
    if not text:
        raise StatementMisused(f"{source}: {name!r} is empty")
    yield _Section(name, promise, text, source)


def _is_statement(name: str) -> bool:
    return not name.startswith("{")


def _statement(section: _Section, sections: _Sections) -> Statement:
    def put(found: re.Match[str]) -> str:
        name = found[2]
        return found[0] if name is None else _fragment(name, bool(found[1]), section, sections)

    text = _FRAGMENT.sub(put, section.text)
    parameters = frozenset(found for found in _TOKEN.findall(text) if found)
    return Statement(section.name, section.promise, text, parameters, section.source)


def _fragment(name: str, as_parameters: bool, user: _Section, sections: _Sections) -> str:
    where = f"{user.source}: {user.name!r}"
    fragment = sections.get(f"{{{name}}}")
    if fragment is None:
        raise StatementMisused(f"{where} names the fragment {name!r}, which does not exist")
    if any(found[2] is not None for found in _FRAGMENT.finditer(fragment.text)):
        raise StatementMisused(f"{fragment.source}: the fragment {name!r} names another")
    if not as_parameters:
        return fragment.text
    if not _COLUMNS.fullmatch(fragment.text):
        raise StatementMisused(f"{where} takes parameters of {name!r}, which is no list of columns")
    return _COLUMN.sub(lambda column: f":{column[0]}", fragment.text)
