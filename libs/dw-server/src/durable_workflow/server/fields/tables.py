"""A table: the fields of one object, read into a structure whose annotations it is.

::

    class Signal(msgspec.Struct, frozen=True, kw_only=True):
        workflow_id: Annotated[str, Beside()]
        request_id: Annotated[str | None, Text()] = None

A field without a default is required. A static method ``check(values, say)`` of the structure
checks fields against each other. A class attribute ``unsupported`` names fields whose presence is
an error, each with its message.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import (
    Any,
    Final,
    Generic,
    NamedTuple,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from durable_workflow._wire.json_values import JsonObject, dict_or_none
from durable_workflow.server.fields.kind import Kind, SlicedKind
from durable_workflow.server.fields.reading import Reading
from durable_workflow.server.fields.schemas import Schemas
from durable_workflow.server.slices import Slices, at_once

T = TypeVar("T")
# Says of a field, by its name on the wire, what is wrong with it.
Say: TypeAlias = Callable[[str, str], None]

_NOTHING: Mapping[str, str] = {}
# Of so many objects with different members, each with so many characters of names, it is remembered
# which fields they have. Callers send the same members again and again.
_MOST_FORMS: Final = 64
_LONGEST_FORM: Final = 1000


class Row(NamedTuple):
    """One field.

    Attributes:
        name: On the wire.
        attribute: Of the structure.
        table: Of the fields that belong together here; None for one field.
        sliced: The kind, where its values are read in slices.
    """

    name: str
    attribute: str
    kind: Kind
    required: bool
    table: Table[Any] | None
    sliced: SlicedKind | None

    @property
    def is_always_read(self) -> bool:
        """Whether it matters too where an object has no such member."""
        return self.required or self.kind.beside or self.table is not None


class Table(Generic[T]):
    """Reads objects into a structure.

    Raises:
        TypeError: An annotation has no kind, or one that reads values of another type.
    """

    def __init__(self, into: type[T]) -> None:
        self.into = into
        self.rows = _rows(into)
        self._unsupported: Mapping[str, str] = getattr(into, "unsupported", {})
        self._check: Callable[[Mapping[str, Any], Say], None] | None = getattr(into, "check", None)
        self._rows_of: dict[tuple[str, ...], Sequence[Row]] = {}

    def read(
        self,
        source: Mapping[str, Any],
        reading: Reading,
        *,
        at: str = "",
        names: Mapping[str, str] = _NOTHING,
    ) -> T | None:
        """Read one object.

        Args:
            at: Path of the object, ending in a dot, or empty.
            names: What stands beside the document.
        Returns:
            None where something does not fit, which is noted.
        """
        return at_once(self.read_in_slices(source, reading, at=at, names=names))

    def read_in_slices(
        self,
        source: Mapping[str, Any],
        reading: Reading,
        *,
        at: str = "",
        names: Mapping[str, str] = _NOTHING,
    ) -> Slices[T | None]:
        """What `read` says."""
        values: dict[str, Any] = {}
        beginning = reading.failures
        for name, attribute, kind, required, table, sliced in self._rows_for(source):
            before = reading.failures
            value = (names if kind.beside else source).get(name)
            if table is not None:
                found = table.read(source, reading, at=at, names=names)
            elif value is not None:
                path = at + name if at else name
                if sliced is not None:
                    found = yield from sliced.read_in_slices(value, path, reading)
                else:
                    found = kind.read(value, path, reading)
            elif kind.null_counts and name in source:
                values[attribute] = None
                continue
            else:
                found = None
            if found is not None:
                values[attribute] = found
            elif required and reading.failures == before:
                reading.fail(at + name, "is required.")
        if self._unsupported or self._check is not None:
            self._check_together(source, values, reading, at)
        return self.into(**values) if reading.failures == beginning else None

    def _rows_for(self, source: Mapping[str, Any]) -> Sequence[Row]:
        """The fields that an object with these members has, in order."""
        members = tuple(source)
        rows = self._rows_of.get(members)
        if rows is None:
            rows = [row for row in self.rows if row.is_always_read or row.name in source]
            if len(self._rows_of) < _MOST_FORMS and sum(map(len, members)) <= _LONGEST_FORM:
                self._rows_of[members] = rows
        return rows

    def _check_together(
        self, source: Mapping[str, Any], values: Mapping[str, Any], reading: Reading, at: str
    ) -> None:
        def say(name: str, text: str) -> None:
            reading.fail(at + name, text)

        for name, text in self._unsupported.items():
            if name in source:
                say(name, text)
        if self._check is not None:
            self._check(values, say)

    def find(self, name: str) -> Row | None:
        """The field that has a name on the wire."""
        for row in self.rows:
            found = row.table.find(name) if row.table is not None else row
            if found is not None and found.name == name:
                return found
        return None

    def schema(self, schemas: Schemas) -> JsonObject:
        """The objects that are read, as a JSON Schema; what stands beside them is left out."""
        found: JsonObject = {"type": "object", "properties": {}, "required": []}
        self._add_to(found, schemas)
        for name, text in self._unsupported.items():
            found["properties"][name] = {"description": f"This {text}", "not": {}}
        if not found["required"]:
            del found["required"]
        return found

    def _add_to(self, found: JsonObject, schemas: Schemas) -> None:
        for name, _, kind, required, table, _ in self.rows:
            if table is not None:
                table._add_to(found, schemas)
            elif not kind.beside:
                needed = required and not kind.null_counts
                schema = kind.schema(schemas, needed=needed)
                found["properties"][name] = schema if needed else or_null(schema)
                if required:
                    found["required"].append(name)


_made: dict[type[Any], Table[Any]] = {}


def table_of(into: type[T]) -> Table[T]:
    """The table of a structure, made once."""
    if into not in _made:
        _made[into] = Table(into)
    return _made[into]


def or_null(schema: JsonObject) -> JsonObject:
    """A schema that null fits too."""
    kind = schema.get("type")
    if kind is not None:
        types = [kind] if isinstance(kind, str) else kind
        words = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return {**schema, "type": [*types, "null"], **words}
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema


class Together(Kind, frozen=True, kw_only=True):
    """Fields of this object that belong together, in a structure of their own."""

    into: type[Any]


class Inside(SlicedKind, frozen=True, kw_only=True):
    """An object with fields of its own."""

    into: type[Any]

    def read_in_slices(self, value: Any, at: str, reading: Reading) -> Slices[Any]:
        found: JsonObject | None = {} if value == [] else dict_or_none(value)
        if found is None:
            reading.fail(at, "must be an object.")
            return None
        return (yield from table_of(self.into).read_in_slices(found, reading, at=f"{at}."))

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return schema_inside(self.into.__name__, table_of(self.into), schemas)


def schema_inside(name: str, table: Table[Any], schemas: Schemas) -> JsonObject:
    """What `Inside` reads: objects, and the empty list where an empty object would do."""
    objects = schemas.of_table(name, table)
    if "required" in schemas.components[name]:
        return objects
    return {"anyOf": [objects, {"type": "array", "maxItems": 0}]}


def _rows(into: type[Any]) -> list[Row]:
    hints = get_type_hints(into, include_extras=True)
    rows: list[Row] = []
    for field in msgspec.structs.fields(into):
        hint = hints[field.name]
        kinds = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Kind)]
        if len(kinds) != 1:
            raise TypeError(f"{into.__name__}.{field.name} has no kind, or several")
        [kind] = kinds
        if kind.gives and not _types(hint.__origin__) & {*kind.gives}:
            raise TypeError(f"{into.__name__}.{field.name} is not of the type that its kind reads")
        table = table_of(kind.into) if isinstance(kind, Together) else None
        sliced = kind if isinstance(kind, SlicedKind) else None
        name = kind.name or field.name
        rows.append(Row(name, field.name, kind, field.required, table, sliced))
    return rows


def _types(hint: Any) -> set[Any]:
    """The classes that an annotation allows."""
    if get_origin(hint) in (Union, types.UnionType):
        return {found for part in get_args(hint) for found in _types(part)}
    return {get_origin(hint) or hint}
