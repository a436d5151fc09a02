"""Rich values that have one text or number as their plain form."""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final
from uuid import UUID

from durable_workflow._conversion.mismatch import unexpected
from durable_workflow._wire.keys import text_of
from durable_workflow.errors import ArgumentMismatch
from durable_workflow.serializer import _plain

_DURATION: Final = re.compile(
    r"(?P<sign>[-+])?P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)


def scalar(annotation: type) -> Callable[[Any], Any] | None:
    """The converter of one of these types, or None for another type."""
    if annotation in _READERS:
        return _READERS[annotation]
    if issubclass(annotation, Enum):
        return _enum(annotation)
    return None


def _from_text(
    kind: type | tuple[type, ...], expected: str, read: Callable[[str], Any]
) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if isinstance(value, str):
            try:
                return read(value)
            except (ValueError, InvalidOperation, binascii.Error) as error:
                raise ArgumentMismatch(f"expected {expected}, got other text") from error
        if isinstance(value, kind):
            return value
        raise unexpected(expected, value)

    return convert


def _duration(value: Any) -> Any:
    """A timedelta, from an ISO 8601 duration or a number of seconds."""
    expected = "a duration in ISO 8601 or in seconds"
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return timedelta(seconds=value)
        if isinstance(value, str):
            return _parsed_duration(value)
    except (ValueError, OverflowError) as error:
        raise ArgumentMismatch(f"expected {expected}, got another") from error
    if isinstance(value, timedelta):
        return value
    raise unexpected(expected, value)


def _parsed_duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    parts = {key: part for key, part in found.groupdict().items() if part} if found else {}
    sign = -1 if parts.pop("sign", "+") == "-" else 1
    if not parts or text.endswith("T"):
        raise ValueError(text)
    whole, _, fraction = parts.pop("seconds", "0").partition(".")
    exact = timedelta(
        seconds=int(whole),
        microseconds=int(fraction[:6].ljust(6, "0")),
        **{key: int(part) for key, part in parts.items()},
    )
    return sign * exact


def _decimal(value: Any) -> Any:
    """A Decimal, from text or a number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    return _decimal_of_text(value)


_decimal_of_text: Final = _from_text(Decimal, "a decimal number as text", Decimal)


def _enum(kind: type[Enum]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        try:
            return kind(value)
        except ValueError:
            pass
        for member in kind:
            # An enum may have rich values, which arrive in their plain form.
            if _plain.plain(member.value) == value:
                return member
        raise ArgumentMismatch(f"expected one of the values of {kind.__name__}, got another")

    return convert


def literal(values: Sequence[Any]) -> Callable[[Any], Any] | None:
    """The converter of a literal type that has members of an enum; None for another one."""
    if not any(isinstance(each, Enum) for each in values):
        return None

    def convert(value: Any) -> Any:
        for each in values:
            plain = _plain.plain(each)
            if value is each or (type(value) is type(plain) and value == plain):
                return each
        raise ArgumentMismatch("expected one of the values of a literal type, got another")

    return convert


def key_converter(
    annotation: Any, find: Callable[[Any], Callable[[Any], Any] | None]
) -> Callable[[Any], Any] | None:
    """The converter of the keys of a mapping, which JSON has as text.

    Args:
        annotation: That of the keys.
        find: Finds the converter of values.
    """
    found = find(annotation)
    if found is None or not (isinstance(annotation, type) and issubclass(annotation, Enum)):
        return found
    plain = [(_plain.plain(each), each) for each in annotation]
    members = {text_of(key): each for key, each in plain if isinstance(key, str | int | float)}
    return lambda value: members[value] if value in members else found(value)


def _bytes(text: str) -> bytes:
    return b64decode(text, validate=True)


_READERS: Final[dict[type, Callable[[Any], Any]]] = {
    datetime: _from_text(datetime, "a datetime in ISO 8601", datetime.fromisoformat),
    date: _from_text(date, "a date in ISO 8601", date.fromisoformat),
    time: _from_text(time, "a time in ISO 8601", time.fromisoformat),
    timedelta: _duration,
    UUID: _from_text(UUID, "a UUID as text", UUID),
    Decimal: _decimal,
    bytes: _from_text(bytes, "bytes as base64 text", _bytes),
    bytearray: _from_text(bytearray, "bytes as base64 text", lambda text: bytearray(_bytes(text))),
}
