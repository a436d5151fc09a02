"""Rich Python values to plain payload values, on request only."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

_BINARY = bytes | bytearray


def to_avro_payload_value(value: Any) -> Any:
    """The plain form of a value: what JSON can carry.

    Enums become their value, dates and times ISO 8601 text, UUIDs and decimals text; mappings,
    dataclasses, pydantic models and attrs objects become dicts, other sequences lists. Applied
    only where it is called: encoding never changes a value by itself.

    Raises:
        TypeError: There is no such form, as for sets, bytes and arbitrary objects, or a mapping
            has a key that is not text.
    """
    if isinstance(value, Enum):
        return to_avro_payload_value(value.value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return _adapt_mapping(cast("Mapping[object, object]", value))
    if (fields := fields_of(value)) is not None:
        return to_avro_payload_value(fields)
    if isinstance(value, Sequence) and not isinstance(value, _BINARY):
        return to_avro_payload_values(cast("Sequence[object]", value))
    raise TypeError(f"{type(value).__name__} has no payload form; convert it to plain values first")


def to_avro_payload_values(values: Sequence[Any]) -> list[Any]:
    """The plain form of each of several values."""
    return [to_avro_payload_value(value) for value in values]


def _adapt_mapping(value: Mapping[object, object]) -> dict[str, Any]:
    adapted: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError(f"a payload's keys must be text, not {type(key).__name__}")
        adapted[key] = to_avro_payload_value(item)
    return adapted


def fields_of(value: Any) -> Any | None:
    """The fields of a dataclass, pydantic or attrs object, not adapted; None for anything else."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if (dump := _pydantic_dump(value)) is not None:
        return dump()
    attributes = getattr(cast("type[object]", type(value)), "__attrs_attrs__", None)
    if attributes is not None:
        return {attribute.name: getattr(value, attribute.name) for attribute in attributes}
    return None


def _pydantic_dump(value: Any) -> Callable[[], Any] | None:
    kind = cast("type[object]", type(value))
    # Recognised by its attributes and not by import: the application chooses the version of
    # pydantic.
    looks_like_pydantic = (
        hasattr(kind, "__pydantic_fields__")
        or hasattr(kind, "__fields__")
        or kind.__module__.startswith("pydantic.")
    )
    if not looks_like_pydantic:
        return None
    if callable(getattr(value, "model_dump", None)):
        return lambda: value.model_dump(mode="json")
    if callable(getattr(value, "dict", None)):
        return lambda: value.dict()
    return None
