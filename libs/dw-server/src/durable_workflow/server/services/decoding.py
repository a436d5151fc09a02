"""Payloads opened for people: what describe shows beside the envelope."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from durable_workflow import serializer
from durable_workflow.server.engine.state import JsonObject

_log = logging.getLogger(__name__)


def decoded(envelope: JsonObject | None) -> Any:
    """The value in an envelope; None where there is none, or where it cannot be opened here."""
    if envelope is None or not isinstance(envelope.get("blob"), str):
        return None
    try:
        value = serializer.decode(envelope["blob"], codec=envelope["codec"])
        # JSON may escape half a surrogate pair, which decodes, and which no answer can carry.
        msgspec.json.encode(value)
    except (ValueError, TypeError, RecursionError) as error:
        # A worker may have written anything; the envelope itself is shown all the same.
        _log.debug("cannot show a payload of codec %r: %s", envelope["codec"], error)
        return None
    return value
