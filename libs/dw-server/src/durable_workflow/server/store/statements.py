"""The named statements: SQL lives in ``queries/*.sql`` and nowhere else.

A statement begins with a line ``-- name: what it promises`` and ends where the next begins.
Parameters are written ``:name``. A dialect says something its own way in a file of the folder
``queries/<dialect>/``, under the same name; callers cannot tell.

A header ``-- name [lock]: …`` says that a unit has the rows that the statement finds to itself
until it ends; ``[take]`` that it gets only rows that no other unit has. Where the text says so
stand the fragments ``{lock}`` and ``{skip}``; a read runs the statement without them.

What several statements share is a fragment. It begins with a line ``-- {name}: what it is`` and is
put where a statement, of any file, says ``{name}``. Of a fragment that is a list of columns
``{:name}`` is the list of the parameters for them. A dialect overrides fragments as it does
statements; it leaves one out by having nothing but a comment in its place.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias, cast

import msgspec

from durable_workflow.server.store.errors import StatementMisused

QUERIES = Path(__file__).parent / "queries"

Holds: TypeAlias = Literal["lock", "take"]

# How a statement that holds rows says so in its text, and the word for it in its header.
_HOLDING: Final[dict[str, Holds]] = {"lock": "lock", "skip": "take"}

_HEADER = re.compile(
    r"^-- (?:([a-z][a-z0-9_]*)(?: \[(lock|take)\])?|(\{[a-z][a-z0-9_]*\})): (\S.*)$"
)
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
        text: As a unit runs it.
        read_text: As a read runs it: nothing is locked.
        order: Names of its parameters in the order in which they first stand in the text; values
            that are given without names are in this order.
        parameters: The same as a set; a caller gives exactly these.
        source: File that it stands in.
        holds: Whether a unit locks or takes the rows that it finds; None where it does neither.
    """

    name: str
    promise: str
    text: str
    read_text: str
    order: tuple[str, ...]
    parameters: AbstractSet[str]
    source: str
    holds: Holds | None = None


Statements: TypeAlias = Mapping[str, Statement]


class _Section(NamedTuple):
    """A statement or a fragment as it stands in a file; a fragment's name is in braces."""

    name: str
    promise: str
    text: str
    source: str
    holds: Holds | None


_Sections: TypeAlias = dict[str, _Section]


@functools.cache
def load_statements(dialect: str, folder: Path = QUERIES) -> Statements:
    """Read every statement, with those of `dialect` in place of the general ones, once.

    Raises:
        StatementMisused: A name stands twice, a dialect overrides what does not exist or with other
            parameters, a statement names a fragment that does not exist, its header and its text
            disagree about what it holds, or a file has text before its first statement.
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
    return MappingProxyType(found)


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
    header: re.Match[str] | None = None
    body: list[str] = []
    for line in text.splitlines():
        found = _HEADER.match(line)
        if found is None:
            body.append(line)
            continue
        yield from _finish(header, body, source)
        header, body = found, []
    yield from _finish(header, body, source)


def _finish(header: re.Match[str] | None, body: list[str], source: str) -> Iterator[_Section]:
    text = "\n".join(body).strip().rstrip(";").rstrip()
    if header is None:
        if any(line.strip() and not line.startswith("--") for line in body):
            raise StatementMisused(f"{source} begins with a statement that has no name")
        return
    name = header[1] or header[3]
    if not text:
        raise StatementMisused(f"{source}: {name!r} is empty")
    yield _Section(name, header[4], text, source, cast("Holds | None", header[2]))


def _is_statement(name: str) -> bool:
    return not name.startswith("{")


def _statement(section: _Section, sections: _Sections) -> Statement:
    def put(found: re.Match[str], *, reading: bool) -> str:
        name = found[2]
        if name is None:
            return found[0]
        if reading and name in _HOLDING:
            return ""
        return _fragment(name, bool(found[1]), section, sections)

    said = {
        _HOLDING[found[2]] for found in _FRAGMENT.finditer(section.text) if found[2] in _HOLDING
    }
    if said != ({section.holds} if section.holds else set()):
        raise StatementMisused(
            f"{section.source}: header and text of {section.name!r} differ in what it holds"
        )
    text = _FRAGMENT.sub(functools.partial(put, reading=False), section.text)
    read_text = _FRAGMENT.sub(functools.partial(put, reading=True), section.text)
    order = tuple(dict.fromkeys(found for found in _TOKEN.findall(text) if found))
    return Statement(
        name=section.name,
        promise=section.promise,
        text=text,
        read_text=read_text,
        order=order,
        parameters=frozenset(order),
        source=section.source,
        holds=section.holds,
    )


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
