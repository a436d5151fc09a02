"""The texts that SQLite is given for statements: the same ones in fewer characters.

apsw finds what it has prepared before by the whole text, in time that is in proportion to it: the
names of the 71 columns of a run cost as much as writing a small row.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from durable_workflow.server.store.statements import Statement

# The columns of each table, in the order in which the database has them, with what each of them has
# where it is given nothing.
Columns: TypeAlias = Mapping[str, Mapping[str, str]]

# What stands in quotes, comments, room around signs and between words, parameters.
_PIECES: Final = re.compile(
    r"""('(?:[^']|'')*'|"[^"]*")|--[^\n]*|\s*([,()=])\s*|(\s+)|:([a-z_][a-z0-9_]*)"""
)
_INSERT: Final = re.compile(r"INSERT INTO (\w+)\(([\w,]+)\)VALUES\(([^()]+)\)")
_PARAMETER: Final = re.compile(r"\?\d*")
_SELECT: Final = re.compile(
    r"SELECT ([\w,]+)(?= FROM (\w+) WHERE |,\(SELECT .*\)FROM (\w+) WHERE )"
)


def short(statement: Statement, columns: Columns) -> str:
    """A statement in as few characters as SQLite needs."""
    return _without_names(_packed(statement), columns)


@functools.lru_cache(maxsize=2048)
def _packed(statement: Statement) -> str:
    """Without comments and room, and with numbers for parameters that stand more than once."""
    numbers = {name: number for number, name in enumerate(statement.order, 1)}
    found = Counter(piece[4] for piece in _PIECES.finditer(statement.text))

    def shortened(piece: re.Match[str]) -> str:
        quoted, sign, room, name = piece.groups()
        if quoted or sign:
            return quoted or sign
        if name:
            # Numbers follow each other as the names stand first, so `?` has the next one. What
            # stands again has the same text each time, or SQLite takes it for something else.
            return "?" if found[name] == 1 else f"?{numbers[name]}"
        return " " if room else ""  # a comment is followed by the end of its line

    return _PIECES.sub(shortened, statement.text).strip()


def _without_names(text: str, columns: Columns) -> str:
    """Without the names of columns, where values for a table are given, or all of it is read."""
    if found := _INSERT.fullmatch(text):
        there = columns.get(found[1], {})
        names, values = found[2].split(","), found[3].split(",")
        # What is worked out of a parameter would need its number set in the midst of it.
        is_plain = all("?" not in each or _PARAMETER.fullmatch(each) for each in values)
        if is_plain and there.keys() >= set(names) and len(values) == len(names):
            shorter = f"INSERT INTO {found[1]} VALUES({_in_order(names, values, there)})"
            return min(text, shorter, key=len)
        return text
    found = _SELECT.match(text)
    if found and found[1].split(",") == [*columns.get(found[2] or found[3], ())]:
        return f"SELECT *{text[found.end(1) :]}"
    return text


def _in_order(names: Sequence[str], values: Sequence[str], there: Mapping[str, str]) -> str:
    """The values as the table has its columns, with their defaults for those that get none."""
    given = dict(there)
    numbers: dict[str, int] = {}
    last = 0
    for name, value in zip(names, values, strict=True):
        given[name] = value
        if value.startswith("?"):
            last = max(last, int(value[1:] or last + 1))
        if value == "?":
            numbers[name] = last
    last = 0
    for name, value in given.items():
        number = numbers.get(name)
        if number is not None and number != last + 1:
            given[name] = f"?{number}"
        last = max(last, number or int(value[1:]) if value.startswith("?") else 0)
    return ",".join(given.values())
