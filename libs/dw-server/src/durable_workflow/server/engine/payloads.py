"""Payload envelopes inside commands and events. Blobs are never opened here."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from durable_workflow.external_storage import ExternalPayloadReference
from durable_workflow.server.engine.state import JsonObject, as_object

KNOWN_CODECS: Final = ("avro", "json")

_INLINE = frozenset({"codec", "blob"})
_EXTERNAL = frozenset({"codec", "external_storage"})


def read_envelope(
    value: Any, codec: str, field: str, errors: dict[str, list[str]]
) -> JsonObject | None:
    """The envelope that `value` is or stands for; None for no value.

    Args:
        value: An envelope, a bare blob in `codec`, or None.
        codec: Codec of bare blobs: the run's.
        field: Name of the field in error texts.
        errors: Where to report what does not fit.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return {"codec": codec, "blob": value}
    envelope = as_object(value)
    if envelope is None or envelope.keys() not in (_INLINE, _EXTERNAL):
        errors[field] = [f"The {field} field must be a payload envelope, a string or null."]
        return None
    if envelope["codec"] not in KNOWN_CODECS:
        errors[f"{field}.codec"] = [f"The {field}.codec field names an unknown payload codec."]
    elif "blob" in envelope and not isinstance(envelope["blob"], str):
        errors[f"{field}.blob"] = [f"The {field}.blob field must be a string."]
    elif "external_storage" in envelope:
        _check_reference(envelope, field, errors)
    return envelope


def _check_reference(envelope: JsonObject, field: str, errors: dict[str, list[str]]) -> None:
    try:
        reference = ExternalPayloadReference.from_dict(envelope["external_storage"])
    except ValueError as error:
        errors[f"{field}.external_storage"] = [f"The {field}.external_storage field: {error}."]
        return
    if reference.codec != envelope["codec"]:
        errors[f"{field}.external_storage.codec"] = [
            f"The {field}.external_storage.codec field must be the codec of the envelope."
        ]


def blob_size(value: Any) -> int:
    """Bytes of a bare blob, or of what is in an envelope; 0 for anything else."""
    envelope = as_object(value)
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
