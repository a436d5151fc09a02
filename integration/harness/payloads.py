"""Payload envelopes made and opened from the bytes of the specification, not by the SDK's codec."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, TypeGuard

JsonObject = dict[str, Any]


def as_object(value: object) -> JsonObject | None:
    """Return a JSON value as an object; None where it is something else."""
    return value if _is_object(value) else None


def as_list(value: object) -> list[Any] | None:
    """Return a JSON value as a list; None where it is something else."""
    return value if _is_list(value) else None


def _is_object(value: object) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _varint(number: int) -> bytes:
    value = number << 1  # zig-zag of a number that is not negative
    out = bytearray()
    while value > 0x7F:
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    out.append(value)
    return bytes(out)


def blob(value: Any) -> str:
    """Return the Avro generic-wrapper blob of a JSON value: 00, length, text, version 1."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.b64encode(b"\x00" + _varint(len(text)) + text + b"\x02").decode()


def envelope(value: Any) -> JsonObject:
    """Return the `avro` envelope of a JSON value."""
    return {"codec": "avro", "blob": blob(value)}


def open_blob(text: str) -> Any:
    """Return the JSON value of an Avro generic-wrapper blob."""
    raw = base64.b64decode(text, validate=True)
    assert raw[0] == 0, raw[:1]
    length, shift, at = 0, 0, 1
    while True:
        byte = raw[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    length >>= 1
    assert raw[at + length :] == b"\x02", raw[at + length :]
    return json.loads(raw[at : at + length])


def open_envelope(payload: Mapping[str, Any]) -> Any:
    """Return the JSON value of an `avro` envelope."""
    assert payload["codec"] == "avro", payload
    return open_blob(payload["blob"])
