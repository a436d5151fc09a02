"""The reference that travels in place of a payload that is stored elsewhere."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

EXTERNAL_PAYLOAD_REFERENCE_SCHEMA: Final = "durable-workflow.v2.external-payload-reference.v1"

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


@dataclass(frozen=True)
class ExternalPayloadReference:
    """Where a payload is stored, and how to know that it is the right one.

    Attributes:
        uri: Location, in the words of the driver that stored it.
        sha256: Hex digest of the stored bytes.
        size_bytes: Number of the stored bytes.
        codec: Codec of the stored blob text.
        expires_at: RFC 3339 time after which the payload may be gone.
        schema: Name of this shape.
    """

    uri: str
    sha256: str
    size_bytes: int
    codec: str
    expires_at: str | None = None
    schema: str = EXTERNAL_PAYLOAD_REFERENCE_SCHEMA

    def to_dict(self) -> dict[str, str | int]:
        """The reference as it stands in an envelope."""
        document: dict[str, str | int] = {
            "schema": self.schema,
            "uri": self.uri,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "codec": self.codec,
        }
        if self.expires_at is not None:
            document["expires_at"] = self.expires_at
        return document

    @classmethod
    def from_dict(cls, data: object) -> "ExternalPayloadReference":
        """Read a reference. Members that this release does not know are ignored.

        Raises:
            ValueError: It is not a reference of this schema; the text says what is wrong.
        """
        if not isinstance(data, dict):
            raise ValueError("external payload reference must be an object")
        document = cast("dict[str, Any]", data)
        if document.get("schema") != EXTERNAL_PAYLOAD_REFERENCE_SCHEMA:
            raise ValueError(
                f"external payload reference schema must be {EXTERNAL_PAYLOAD_REFERENCE_SCHEMA}"
            )
        size_bytes = document.get("size_bytes")
        if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or size_bytes < 0:
            raise ValueError("external payload reference size_bytes must be a non-negative integer")
        expires_at = document.get("expires_at")
        if expires_at is not None:
            check_expiry(expires_at)
        return cls(
            uri=_text(document, "uri"),
            sha256=check_digest(document.get("sha256")),
            size_bytes=size_bytes,
            codec=_text(document, "codec"),
            expires_at=expires_at,
        )


def _text(document: dict[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"external payload reference {key} must be a non-empty string")
    return value


def check_digest(sha256: object) -> str:
    """Return a SHA-256 hex digest, or raise `ValueError`."""
    if not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        raise ValueError("external payload reference sha256 must be 64 hexadecimal characters")
    return sha256


def check_expiry(expires_at: object) -> None:
    """Raise `ValueError` unless this is an RFC 3339 time with a zone."""
    if not isinstance(expires_at, str) or not expires_at:
        raise ValueError("external payload reference expires_at must be a non-empty string")
    complaint = "external payload reference expires_at must be an RFC 3339 time with a timezone"
    if _RFC3339.fullmatch(expires_at) is None:
        raise ValueError(complaint)
    try:
        datetime.fromisoformat(expires_at.upper())
    except ValueError as error:
        raise ValueError(f"{complaint}: {error}") from error
