"""Payload envelopes inside commands and events. Blobs are never opened here."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow._wire.json_values import JsonObject, dict_or_none


def blob_size(value: Any) -> int:
    """Bytes of a bare blob, or of what is in an envelope; 0 for anything else."""
    envelope = dict_or_none(value)
    if envelope is not None and "external_storage" in envelope:
        return len(msgspec.json.encode(envelope["external_storage"]))
    blob = value if envelope is None else envelope.get("blob")
    if not isinstance(blob, str):
        return 0
    return len(blob) if blob.isascii() else len(blob.encode())


def recorded(envelope: JsonObject | None) -> Any:
    """The form of a payload in an event that names its codec beside it: bare where it can be."""
    if envelope is None:
        return None
    return envelope.get("blob", envelope)


def recorded_in(envelope: JsonObject | None, codec: str) -> Any:
    """The form of a payload in an event without `payload_codec`: bare in the run's codec."""
    if envelope is not None and envelope["codec"] != codec:
        return envelope
    return recorded(envelope)
