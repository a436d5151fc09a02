"""Payloads opened for people: what describe shows beside the envelope."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow import serializer
from durable_workflow._wire.json_values import JsonObject


def decoded(envelope: JsonObject | None) -> Any:
    """The value in an envelope; None where there is none, or where it cannot be opened here."""
    if envelope is None or not isinstance(envelope.get("blob"), str):
        return None
    try:
        value = serializer.decode(envelope["blob"], codec=envelope["codec"])
        # JSON may escape half a surrogate pair, which decodes, and which no answer can carry.
        msgspec.json.encode(value)
    except (ValueError, TypeError, RecursionError):
        # A worker may have written anything; the envelope itself is shown all the same.
        return None
    return value
