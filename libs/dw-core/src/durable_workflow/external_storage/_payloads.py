"""Storing, fetching and deleting a payload through a driver."""

import hashlib
from typing import Protocol, runtime_checkable

from durable_workflow.external_storage._cache import ExternalPayloadCache
from durable_workflow.external_storage._reference import ExternalPayloadReference, check_expiry


class ExternalPayloadIntegrityError(ValueError):
    """A stored payload is not the one that its reference describes, or is not there.

    Attributes:
        uri: Where it was looked for.
    """

    def __init__(self, message: str = "", *, uri: str | None = None) -> None:
        super().__init__(message)
        self.uri = uri


class _MissingExternalPayloadError(ExternalPayloadIntegrityError, FileNotFoundError):
    """The driver has no such object. Still what the driver raised, for those who catch that."""


class ExternalStorageRequiredError(ValueError):
    """A payload stands in external storage, and whoever decodes it was given no driver.

    Attributes:
        uri: Where the payload is; None where the reference does not say.
    """

    def __init__(self, uri: str | None = None) -> None:
        # The published text: it has no room for the URI.
        super().__init__("external payload reference requires an external storage driver")
        self.uri = uri

    def __reduce__(self) -> tuple[type["ExternalStorageRequiredError"], tuple[str | None]]:
        return type(self), (self.uri,)


@runtime_checkable
class ExternalStorageDriver(Protocol):
    """Where payloads are kept. All calls are synchronous."""

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        """Store bytes and return their URI. The same bytes give the same URI."""
        ...

    def get(self, uri: str) -> bytes:
        """Read the bytes of a URI that `put` returned; `FileNotFoundError` says they are gone."""
        ...

    def delete(self, uri: str) -> None:
        """Delete the object of a URI that `put` returned."""
        ...


def store_external_payload(
    driver: ExternalStorageDriver, data: bytes, *, codec: str, expires_at: str | None = None
) -> ExternalPayloadReference:
    """Store the UTF-8 bytes of an encoded blob.

    Args:
        driver: Where to store them.
        data: The bytes.
        codec: Codec of the blob.
        expires_at: RFC 3339 time with a zone after which the payload may be deleted.

    Returns:
        The reference to put in place of the blob.

    Raises:
        ValueError: `expires_at` is not such a time; nothing has been stored then.
    """
    if expires_at is not None:
        check_expiry(expires_at)
    sha256 = hashlib.sha256(data).hexdigest()
    uri = driver.put(data, sha256=sha256, codec=codec)
    return ExternalPayloadReference(
        uri=uri, sha256=sha256, size_bytes=len(data), codec=codec, expires_at=expires_at
    )


def fetch_external_payload(
    driver: ExternalStorageDriver,
    reference: ExternalPayloadReference,
    *,
    cache: ExternalPayloadCache | None = None,
) -> bytes:
    """Fetch a payload and check that it is the one meant.

    Args:
        driver: Where it is stored.
        reference: What `store_external_payload` returned.
        cache: Asked first, and given what was verified.

    Raises:
        ExternalPayloadIntegrityError: Size or hash differ from the reference, or the driver says
            with `FileNotFoundError` that there is no such object.
    """
    if cache is not None and (kept := cache.get(reference)) is not None:
        return kept
    try:
        data = driver.get(reference.uri)
    except FileNotFoundError as error:
        raise _MissingExternalPayloadError(
            f"external payload is missing: {reference.uri}", uri=reference.uri
        ) from error
    if len(data) != reference.size_bytes:
        raise ExternalPayloadIntegrityError(
            f"external payload size does not match its reference: {len(data)} bytes, "
            f"not {reference.size_bytes}: {reference.uri}",
            uri=reference.uri,
        )
    if hashlib.sha256(data).hexdigest() != reference.sha256.lower():
        raise ExternalPayloadIntegrityError(
            f"external payload hash does not match its reference: {reference.uri}",
            uri=reference.uri,
        )
    if cache is not None:
        cache.put(reference, data)
    return data


def delete_external_payload(
    driver: ExternalStorageDriver,
    reference: ExternalPayloadReference,
    *,
    cache: ExternalPayloadCache | None = None,
) -> None:
    """Delete a stored payload, and forget it in the cache."""
    driver.delete(reference.uri)
    if cache is not None:
        cache.discard(reference)
