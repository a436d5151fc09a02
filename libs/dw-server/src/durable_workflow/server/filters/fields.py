"""What a name in a filter means: a field of the system, a registered attribute, or any other."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, cast

import msgspec

from durable_workflow.server.engine.attributes import (
    SYSTEM,
    AttributeType,
    AttributeTypes,
    moment,
)
from durable_workflow.server.engine.state import PENDING, RUNNING, TERMINAL, WAITING
from durable_workflow.server.filters.tree import Attribute, Moment, System, SystemName, Value

# What values of a field must be; "any" where nobody registered it.
FieldKind: TypeAlias = AttributeType | Literal["status", "any"]

STATUSES: Final = (PENDING, RUNNING, WAITING, *sorted(TERMINAL))
_ORDERED: Final = frozenset({"int", "double", "datetime", "keyword", "text", "keyword_list", "any"})


class Field(msgspec.Struct, frozen=True):
    """A field that a filter names.

    Attributes:
        name: As the filter has it.
        column: What a store compares.
        kind: What its values must be.
    """

    name: str
    column: System | Attribute
    kind: FieldKind

    @property
    def ordered(self) -> bool:
        """Whether its values have an order that means something."""
        return self.kind in _ORDERED

    def value(self, literal: Value) -> Value | str:
        """A literal as a store compares it with the field.

        Raises:
            ValueError: It is not of the field's kind; the text goes on after the field's name.
        """
        text = literal if isinstance(literal, str) else None
        match self.kind:
            case "any":
                return literal
            case "status":
                word = (text or "").lower()
                if word not in STATUSES:
                    raise ValueError(f"is one of {', '.join(STATUSES)}")
                return word
            case "keyword" | "text" | "keyword_list":
                if text is None:
                    raise ValueError("is compared with text: put the value in quotes")
                return text
            case "bool":
                if not isinstance(literal, bool):
                    raise ValueError("is compared with true or false")
                return literal
            case "int" | "double":
                if text is not None or isinstance(literal, bool):
                    raise ValueError("is compared with a number, without quotes")
                return literal
            case "datetime":
                return self._moment(text)

    def _moment(self, text: str | None) -> Value:
        at = moment(text) if text is not None else None
        if at is None:
            raise ValueError('is compared with a date or time in quotes: "2026-04-22T06:24:00Z"')
        return at if isinstance(self.column, System) else Moment(at)


def field_of(name: str, types: AttributeTypes) -> Field:
    """The field of a name."""
    if name == "Status":
        return Field(name, System("Status"), "status")
    if name in SYSTEM:
        return Field(name, System(cast(SystemName, name)), SYSTEM[name])
    registered = types.get(name)
    if registered is None:
        return Field(name, Attribute(name), "any")
    return Field(name, Attribute(name, single=registered != "keyword_list"), registered)
