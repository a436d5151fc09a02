"""Search attributes: their types, which values fit, and how a value is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from durable_workflow._wire.json_values import JsonObject, list_or_none

AttributeType: TypeAlias = Literal[
    "keyword", "text", "int", "double", "bool", "datetime", "keyword_list"
]
AttributeTypes: TypeAlias = Mapping[str, AttributeType]

TYPES: Final[tuple[AttributeType, ...]] = get_args(AttributeType)
# What every run has without anybody's doing (control-plane 9).
SYSTEM: Final[dict[str, AttributeType]] = {
    "WorkflowType": "keyword",
    "WorkflowId": "keyword",
    "RunId": "keyword",
    "Status": "keyword",
    "StartTime": "datetime",
    "CloseTime": "datetime",
    "TaskQueue": "keyword",
    "BuildId": "keyword",
}

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# Numbers are compared as the 64-bit integers and doubles of a database.
_LARGEST: Final = 2**63
_WANTED: Final[dict[AttributeType, str]] = {
    "keyword": "a string",
    "text": "a string",
    "int": "a whole number of 64 bits",
    "double": "a number",
    "bool": "true or false",
    "datetime": "a date and time such as 2026-04-22T06:24:00Z",
    "keyword_list": "a list of strings",
}


class IndexedValue(msgspec.Struct, frozen=True):
    """A value as it is compared: one of `text` and `number` is set.

    Attributes:
        kind: ``s`` text, ``n`` number, ``b`` truth value (its number is 0 or 1), ``d`` what a text
            means as a date or time (its number is microseconds).
    """

    kind: str
    text: str | None
    number: int | float | None


def moment(text: str) -> int | None:
    """Microseconds since 1970 UTC of an ISO 8601 date or time; None where it is none.

    In UTC it must lie in the years 1 to 9999, as it is written in UTC again.
    """
    try:
        read = datetime.fromisoformat(text.strip())
        at = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return (at - _EPOCH) // _MICROSECOND


def problem(value: Any, wanted: AttributeType) -> str | None:
    """What is wrong with a value of a registered attribute, to go on after its name; or None."""
    if value is None or _fits(value, wanted):
        return None
    return f"must be {_WANTED[wanted]}: it is registered as {wanted}."


def _fits(value: Any, wanted: AttributeType) -> bool:
    match wanted:
        case "keyword" | "text":
            return isinstance(value, str)
        case "int":
            return _is_number(value) and isinstance(value, int)
        case "double":
            return _is_number(value)
        case "bool":
            return isinstance(value, bool)
        case "datetime":
            return isinstance(value, str) and moment(value) is not None
        case "keyword_list":
            texts = list_or_none(value)
            return texts is not None and all(isinstance(text, str) for text in texts)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or -_LARGEST <= value < _LARGEST


def indexed(attributes: JsonObject) -> Iterator[tuple[str, IndexedValue]]:
    """Each value that a run can be found by, with its attribute; those of a list one by one.

    A text that is a date or time is there as both: an attribute may be registered, and taken back,
    after runs have values of it. What cannot be compared (an object, a number of more than 64 bits)
    is left out.
    """
    for name, value in attributes.items():
        members = list_or_none(value)
        for member in [value] if members is None else members:
            for found in comparable(member):
                yield name, found


def comparable(value: Any) -> Iterator[IndexedValue]:
    """One value as it is compared: in no way where it cannot be."""
    if isinstance(value, bool):
        yield IndexedValue("b", None, int(value))
    elif isinstance(value, str):
        yield IndexedValue("s", value, None)
        at = moment(value)
        if at is not None:
            yield IndexedValue("d", None, at)
    elif _is_number(value):
        yield IndexedValue("n", None, value)
