"""Rich values on their way out: the plain form that JSON can carry.

It is used where a value cannot be encoded as it is. What is written here is read by annotations,
in `_conversion`.
"""

import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

from durable_workflow._wire import json_text
from durable_workflow._wire.json_faults import at
from durable_workflow.serializer._sizes import DEFAULT_PAYLOAD_SIZE_BYTES
from durable_workflow.serializer._values import fields_of

_WAYS_OUT = (
    "convert it to plain values, a dataclass, a pydantic or a msgspec model, or pass an id and "
    "load it in an activity"
)

# A quarter of what servers take: a blob may double in a request, by what has to be escaped.
_LARGEST_COPY_BYTES = DEFAULT_PAYLOAD_SIZE_BYTES // 4


class NoPlainForm(TypeError):
    """A value has no plain form.

    Attributes:
        problem: What is wrong.
        path: Where, as in `.items[3].due`; empty for the value itself.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(f"{problem}{at(path)}; {_WAYS_OUT}")
        self.problem = problem
        self.path = path

    def within(self, step: str) -> "NoPlainForm":
        """The same error, as seen from the container of the value."""
        return NoPlainForm(self.problem, f"{step}{self.path}")


def plain(value: Any) -> Any:
    """The plain form of a value.

    Enums become their value; dates and times ISO 8601 text, durations too; UUIDs and decimals text;
    bytes base64 text; dataclasses, attrs objects, pydantic and msgspec models objects; tuples, sets
    and other sequences lists, of which sets are sorted, so that one set has one form.

    Raises:
        NoPlainForm: There is none.
    """
    match value:
        case Enum():
            return plain(value.value)
        case None | str() | int() | float():
            return value
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return _duration(value)
        case UUID() | Decimal():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return b64encode(cast("bytes", value)).decode()
        case Mapping():
            return _mapping(cast("Mapping[object, object]", value))
        case Set():
            items = [_within("[…]", item) for item in cast("Set[object]", value)]
            return sorted(items, key=json_text.encode)
        case Sequence():
            members = cast("Sequence[object]", value)
            return [_within(f"[{index}]", item) for index, item in enumerate(members)]
        case _:
            return _record(value)


def as_plain(value: Any) -> Any:
    """A value that JSON can carry: the same object where it is one already."""
    return value if json_text.is_plain(value) else plain(value)


def beside_its_envelope(value: Any, envelope: Mapping[str, Any]) -> Any:
    """The plain form of a value that goes along with its envelope, for whoever looks at it.

    None for a large value. The envelope is what is read, and with a copy beside it the request
    would be larger than servers take, although the payload is not, or is kept elsewhere.
    """
    reference = envelope.get("external_storage")
    if reference is None:
        is_large = len(envelope["blob"]) > _LARGEST_COPY_BYTES
    else:  # only the copy takes room, and the server cannot read what the reference is to
        is_large = reference["size_bytes"] > 2 * _LARGEST_COPY_BYTES
    return None if is_large else as_plain(value)


def _record(value: Any) -> Any:
    if hasattr(cast("type[object]", type(value)), "__struct_fields__") and "msgspec" in sys.modules:
        msgspec: Any = sys.modules["msgspec"]
        return plain(msgspec.to_builtins(value, enc_hook=plain, str_keys=True))
    try:
        fields = fields_of(value)
    except ValueError as error:  # `PydanticSerializationError`
        raise NoPlainForm(
            f"a value of type {type(value).__name__} cannot be encoded: {error}"
        ) from error
    if fields is None:
        raise NoPlainForm(f"a value of type {type(value).__name__} cannot be encoded")
    return (
        _mapping(cast("Mapping[object, object]", fields))
        if isinstance(fields, Mapping)
        else plain(fields)
    )


def _mapping(value: Mapping[object, object]) -> dict[Any, Any]:
    return {_key(key): _within(f".{key}", item) for key, item in value.items()}


def _key(key: Any) -> Any:
    # JSON's writer makes text of the others, and refuses two that become the same.
    if key is None or (isinstance(key, str | int | float) and not isinstance(key, Enum)):
        return key
    form = plain(key)
    if not isinstance(form, str | int | float):
        raise NoPlainForm(f"a value of type {type(key).__name__} cannot be the key of an object")
    return form


def _within(step: str, value: Any) -> Any:
    try:
        return plain(value)
    except NoPlainForm as error:
        raise error.within(step) from error.__cause__


def _duration(value: timedelta) -> str:
    """ISO 8601, without months and years, which have no fixed length."""
    sign, span = ("-", -value) if value < timedelta(0) else ("", value)
    days = f"{span.days}D" if span.days else ""
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{span.microseconds:06}".rstrip("0").rstrip(".")
    parts = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    if seconds or fraction or not (days or parts):
        parts += f"{seconds}{fraction}S"
    return f"{sign}P{days}" + (f"T{parts}" if parts else "")
