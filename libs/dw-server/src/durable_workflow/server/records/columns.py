"""Conversion between columns and fields: JSON text, and booleans stored as numbers."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from durable_workflow.server.store.protocol import Row, Value

Params: TypeAlias = dict[str, Value]

dump: Callable[[Any], bytes] = msgspec.json.Encoder().encode
_load: Callable[[str | bytes], Any] = msgspec.json.Decoder().decode


def fields_from(record: type[msgspec.Struct], first: str) -> tuple[str, ...]:
    """The names of the fields of `record` from `first` on."""
    fields = record.__struct_fields__
    return fields[fields.index(first) :]


def picker(record: type[msgspec.Struct], first: str) -> Callable[[Any], Params]:
    """Reads the fields of `record` from `first` on into parameters of a statement."""
    names = fields_from(record, first)
    values = attrgetter(*names)
    return lambda item: dict(zip(names, values(item), strict=True))


def values_from(record: type[msgspec.Struct], first: str) -> Callable[[Any], Row]:
    """Reads the fields of `record` from `first` on, as values of a statement in their order."""
    return values_of(*fields_from(record, first))


def values_of(*names: str) -> Callable[[Any], Row]:
    """Reads these fields, as values of a statement in this order."""
    values: Callable[[Any], Row] = attrgetter(*names)
    return values


def text(value: Any) -> str | None:
    """A JSON value as the store has it: null for None."""
    return None if value is None else dump(value).decode()


def value(column: str | bytes | None) -> Any:
    """The JSON value in a column."""
    return None if column is None else _load(column)
