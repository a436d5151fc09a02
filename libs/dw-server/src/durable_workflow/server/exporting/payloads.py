"""What the manifest of a bundle says of its payloads."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
from typing import Any, Final

import msgspec

from durable_workflow import serializer
from durable_workflow._wire.json_values import JsonObject, dict_or_none

WRITER_SCHEMA: Final = (
    '{"type":"record","name":"Payload","namespace":"durable_workflow","fields":'
    '[{"name":"json","type":"string"},{"name":"version","type":"int","default":1}]}'
)
FINGERPRINT: Final = f"sha256:{hashlib.sha256(WRITER_SCHEMA.encode()).hexdigest()}"
_ENCODINGS: Final = {serializer.AVRO_CODEC: "base64-avro-binary"}
_OPAQUE: Final = "opaque-string"
_WRAPPER: Final = "00"
# Of a blob: enough for its first bytes.
_HEAD: Final = 4

CODEC_SCHEMAS: Final[JsonObject] = {
    "avro": {
        "encoding": "base64-avro-binary",
        "wrapper_schema": WRITER_SCHEMA,
        "wrapper_prefix_hex": _WRAPPER,
        "typed_prefix_hex": "01",
        "generic_wrapper": {
            "prefix_hex": _WRAPPER,
            "writer_schema": WRITER_SCHEMA,
            "writer_schema_fingerprint": FINGERPRINT,
        },
        "typed_schema": {
            "prefix_hex": "01",
            "schema_header": "uint32_be_length_prefixed_utf8_json",
            "writer_schema_location": "payload_manifest.entries[*].writer_schema",
        },
    }
}


class PayloadNote(msgspec.Struct, frozen=True):
    """What is said of one payload, wherever it stands.

    Attributes:
        available: Whether the bundle has it.
        prefix: The first byte of an Avro frame, as hex; None for anything else.
        diagnostic: Why it is not there, or None.
    """

    codec: str
    available: bool = True
    prefix: str | None = None
    diagnostic: str | None = None

    @property
    def is_avro(self) -> bool:
        """Whether readers of the bundle need the schemas of Avro."""
        return self.codec == serializer.AVRO_CODEC and self.available

    def entry(self, path: str) -> JsonObject:
        """The entry of the manifest for a payload at `path`."""
        wrapped = self.prefix == _WRAPPER
        framing = "generic_wrapper" if wrapped else "typed_schema"
        return {
            "path": path,
            "codec": self.codec,
            "available": self.available,
            "redacted": False,
            "encoding": _ENCODINGS.get(self.codec, _OPAQUE),
            "avro_framing": None if self.prefix is None else framing,
            "avro_prefix_hex": self.prefix,
            "writer_schema": WRITER_SCHEMA if wrapped else None,
            "writer_schema_fingerprint": FINGERPRINT if wrapped else None,
            "diagnostic": self.diagnostic,
        }


@functools.lru_cache(maxsize=64)
def _note(codec: str, available: bool, prefix: str | None, diagnostic: str | None) -> PayloadNote:
    return PayloadNote(codec, available, prefix, diagnostic)


def note(payload: Any, codec: str, *, expected: bool = True) -> PayloadNote:
    """What is said of a payload as it stands in the bundle.

    Args:
        payload: A blob, an envelope, a plain value of JSON, or None.
        codec: Of a blob, which does not name its own.
        expected: Whether there was one: an absent payload may also be none at all.
    """
    if payload is None:
        return _note(codec, False, None, "payload_unavailable" if expected else None)
    envelope = dict_or_none(payload)
    if envelope is not None and "external_storage" in envelope:
        return _note(str(envelope["codec"]), False, None, "payload_unavailable")
    if envelope is not None and envelope.keys() == {"codec", "blob"}:
        return note(envelope["blob"], str(envelope["codec"]))
    if not isinstance(payload, str):
        return _note(serializer.JSON_CODEC, True, None, None)
    prefix = _prefix(payload) if codec == serializer.AVRO_CODEC else None
    return _note(codec, True, prefix, None)


def _prefix(blob: str) -> str:
    try:
        return base64.b64decode(blob[:_HEAD]).hex()[:2] or _WRAPPER
    except (binascii.Error, ValueError):
        return "??"
