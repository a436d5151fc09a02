"""Payloads opened for people: what describe shows beside the envelope."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow import serializer
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.fields import blobs


def decoded(envelope: JsonObject | None) -> Any:
    """What an answer shows of the value in an envelope.

    Returns:
        The value, or its JSON text if it is large; None where there is no value, where it cannot be
        opened here, and for a large typed frame of very many values.
    """
    if envelope is None or not isinstance(envelope.get("blob"), str):
        return None
    try:
        if len(envelope["blob"]) >= blobs.LARGE:
            found = blobs.opened(envelope["blob"], envelope["codec"])
            if isinstance(found, bytes):
                if blobs.has_many_values(found):
                    return None
            elif blobs.is_json(text := found.encode()):
                return msgspec.Raw(text)
        value = serializer.decode(envelope["blob"], codec=envelope["codec"])
        # JSON may escape half a surrogate pair, which decodes, and which no answer can carry.
        msgspec.json.encode(value)
    except (ValueError, TypeError, RecursionError):
        # A worker may have written anything; the envelope itself is shown all the same.
        return None
    return value
