"""Conversion between columns and fields: JSON text, and booleans stored as numbers."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from durable_workflow.server.store.protocol import Value

Params: TypeAlias = dict[str, Value]

_dump = msgspec.json.Encoder().encode
_load: Callable[[str], Any] = msgspec.json.Decoder().decode


def picker(record: type[msgspec.Struct], first: str) -> Callable[[Any], Params]:
    """Reads the fields of `record` from `first` on into parameters of a statement."""
    fields = record.__struct_fields__
    names = fields[fields.index(first) :]
    values = attrgetter(*names)
    return lambda item: dict(zip(names, values(item), strict=True))


def text(value: Any) -> str | None:
    """A JSON value as the store has it: null for None."""
    return None if value is None else _dump(value).decode()


def value(column: str | None) -> Any:
    """The JSON value in a column."""
    return None if column is None else _load(column)
