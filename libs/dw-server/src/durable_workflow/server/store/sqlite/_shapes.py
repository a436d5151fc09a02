"""What simple statements do, read from their text.

A store that keeps rows in memory has to know which statements read or change one row by its key.
That is read from the SQL, so that it is written down once. Whatever has another form is `None`
here, and is always run by the database.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from durable_workflow.server.store.statements import Statement, Statements

Verb: TypeAlias = Literal["insert", "update", "select"]

_COMMENT: Final = re.compile(r"--[^\n]*")
_SPACE: Final = re.compile(r"\s+")
_INSERT: Final = re.compile(r"INSERT INTO (\w+) \(([^()]*)\) VALUES \(([^()]*)\)")
_UPDATE: Final = re.compile(r"UPDATE (\w+) SET (.*?) WHERE (.*)")
_SELECT: Final = re.compile(r"SELECT ([\w, ]+) FROM (\w+) WHERE (.*)")
_ROWS: Final = re.compile(r"SELECT ([\w, ]+) FROM (\w+) WHERE ")
_EQUAL: Final = re.compile(r"(\w+) = :(\w+)")
_PARAMETER: Final = re.compile(r":(\w+)")
_CHANGED: Final = re.compile(
    r"\b(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM|REPLACE INTO) (?!SET\b)(\w+)"
)


class Shape(NamedTuple):
    """A statement that reads or changes rows of one table by equality alone.

    Attributes:
        given: Columns and the parameters that they get; of a select none.
        columns: What a select reads, in order.
        where: Columns and the parameters that they must equal; of an insert none.
    """

    verb: Verb
    table: str
    given: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()


# Programs that open many stores, as tests do, read the same statements for each of them.
@functools.lru_cache(maxsize=2048)
def plain(text: str) -> str:
    """A statement without its comments, on one line."""
    return _SPACE.sub(" ", _COMMENT.sub(" ", text)).strip()


@functools.lru_cache(maxsize=2048)
def shape_of(statement: Statement) -> Shape | None:
    """The shape of a statement, or None where it has another form."""
    text = plain(statement.text)
    if found := _INSERT.fullmatch(text):
        columns, values = _words(found[2]), _words(found[3])
        named = [_PARAMETER.fullmatch(value) for value in values]
        given = tuple(
            (column, name[1]) for column, name in zip(columns, named, strict=True) if name
        )
        return Shape("insert", found[1], given) if len(given) == len(columns) else None
    if found := _UPDATE.fullmatch(text):
        given_, where = _equal(_words(found[2])), _equal(found[3].split(" AND "))
        return Shape("update", found[1], given_, (), where) if given_ and where else None
    if found := _SELECT.fullmatch(text):
        where = _equal(found[3].split(" AND "))
        return Shape("select", found[2], (), tuple(_words(found[1])), where) if where else None
    return None


def reads_rows(statement: Statement, table: str, columns: Sequence[str]) -> bool:
    """Whether it reads rows of `table` alone, with all of their columns in order."""
    found = _ROWS.match(plain(statement.text))
    return found is not None and found[2] == table and _words(found[1]) == list(columns)


def changes_rows(statement: Statement) -> bool:
    """Whether it may change anything, whatever it returns."""
    text = plain(statement.text)
    return not text.startswith(("SELECT ", "WITH ")) or _CHANGED.search(text) is not None


def is_insert(statement: Statement) -> bool:
    """Whether it puts rows of values into one table, and reads nothing."""
    return _INSERT.fullmatch(plain(statement.text)) is not None


def insert_from(statement: Statement, columns: Sequence[str], source: str) -> str:
    """An insert of values, which gets them from `columns` of rows that are there already."""
    found = _INSERT.fullmatch(plain(statement.text))
    assert found is not None
    given = dict(zip(statement.order, columns, strict=False))
    values = _PARAMETER.sub(lambda name: given[name[1]], found[3])
    return f"INSERT INTO main.{found[1]} ({found[2]}) SELECT {values} {source}"


def changed_tables(statements: Statements) -> frozenset[str]:
    """The tables that any of the statements changes."""
    found = (_CHANGED.findall(plain(each.text)) for each in statements.values())
    return frozenset(table for tables in found for table in tables)


def named_tables(statement: Statement, tables: frozenset[str]) -> frozenset[str]:
    """Those of `tables` that a statement names, and perhaps a few whose name it uses otherwise."""
    return tables & frozenset(re.findall(r"\w+", plain(statement.text)))


def _words(listed: str) -> list[str]:
    return [word.strip() for word in listed.split(",")]


def _equal(tests: list[str]) -> tuple[tuple[str, str], ...]:
    """The equalities, or nothing where one of them is something else."""
    found = [_EQUAL.fullmatch(test.strip()) for test in tests]
    pairs = tuple((match[1], match[2]) for match in found if match)
    return pairs if len(pairs) == len(tests) else ()
