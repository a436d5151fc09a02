"""Whether the payload of a reference is what it says (control-plane 1.8, payloads 8)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from durable_workflow import serializer
from durable_workflow.external_storage import (
    ExternalPayloadIntegrityError,
    ExternalPayloadReference,
    ExternalStorageDriver,
    fetch_external_payload,
)
from durable_workflow.server.engine.times import SECOND
from durable_workflow.server.fields import FoundReference

# It is read into memory to be verified.
_LARGEST: Final = 256 * 1024 * 1024
# Larger ones are not decoded: all other threads would wait for that.
_LARGEST_DECODED: Final = 2 * 1024 * 1024


def first_problem(driver: ExternalStorageDriver, found: FoundReference, now: int) -> str | None:
    """What is wrong with a reference, in words that go on after the field's name; None if nothing.

    Args:
        now: Microseconds since 1970.
    Raises:
        Exception: The driver's, where it cannot say.
    """
    reference = found.reference
    if _is_over(reference, now):
        return f"refers to a payload that expired at {reference.expires_at}."
    if reference.size_bytes > _LARGEST:
        return f"refers to a payload of more than {_LARGEST} bytes."
    try:
        data = fetch_external_payload(driver, reference)
    except ExternalPayloadIntegrityError as error:
        return f"cannot be used: {error}."
    except ValueError as error:
        return f"is not in the storage of this namespace: {error}."
    if found.is_list and len(data) <= _LARGEST_DECODED:
        return _problem_of_list(data, reference.codec)
    return None


def _is_over(reference: ExternalPayloadReference, now: int) -> bool:
    if reference.expires_at is None:
        return False
    at = datetime.fromisoformat(reference.expires_at.upper())
    return at.timestamp() * SECOND <= now


def _problem_of_list(data: bytes, codec: str) -> str | None:
    try:
        decoded = serializer.decode(data.decode(), codec)
    except (ValueError, TypeError, RecursionError) as error:
        # The first line only: decoders quote what they were given.
        return f"cannot be decoded: {str(error).splitlines()[0][:200]}"
    return None if isinstance(decoded, list) else "must decode to the list of arguments."
