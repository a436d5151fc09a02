"""Envelopes: a blob with its codec, inline or by reference."""

from collections.abc import Sequence
from typing import Any, Final, cast

from durable_workflow.external_storage import (
    ExternalPayloadCache,
    ExternalPayloadReference,
    ExternalStorageDriver,
    ExternalStorageRequiredError,
    fetch_external_payload,
    store_external_payload,
)
from durable_workflow.serializer._codecs import (
    AVRO_CODEC,
    decode,
    decode_many,
    encode,
    encode_many,
)
from durable_workflow.serializer._sizes import (
    DEFAULT_PAYLOAD_SIZE_WARNING,
    PayloadSizeWarningConfig,
    PayloadWarningContext,
    PayloadWarningContexts,
    blob_size,
)


def envelope(
    value: Any,
    codec: str = AVRO_CODEC,
    *,
    size_warning: PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
    warning_context: PayloadWarningContext = None,
) -> dict[str, str]:
    """Encode a value as `{"codec", "blob"}`. Arguments and errors are those of `encode`."""
    blob = encode(value, codec, size_warning=size_warning, warning_context=warning_context)
    return {"codec": codec, "blob": blob}


def envelope_many(
    values: Sequence[Any],
    codec: str = AVRO_CODEC,
    *,
    size_warning: PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
    warning_context: PayloadWarningContexts = None,
) -> list[dict[str, str]]:
    """Encode several values as envelopes. Arguments and errors are those of `encode_many`."""
    blobs = encode_many(values, codec, size_warning=size_warning, warning_context=warning_context)
    return [{"codec": codec, "blob": blob} for blob in blobs]


def external_storage_envelope(
    value: Any,
    *,
    external_storage: ExternalStorageDriver,
    threshold_bytes: int,
    codec: str = AVRO_CODEC,
    size_warning: PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
    warning_context: PayloadWarningContext = None,
) -> dict[str, Any]:
    """Encode a value inline, or store it and refer to it.

    Args:
        value: What to encode.
        external_storage: Where large blobs go.
        threshold_bytes: Blobs with more bytes than this are stored. At least 1.
        codec: `avro` or `json`.
        size_warning: When to log a warning about the size, stored or not; None never does.
        warning_context: Which payload it is, for that warning.

    Returns:
        `{"codec", "blob"}`, or `{"codec", "external_storage"}` with the reference.

    Raises:
        ValueError: `threshold_bytes` is less than 1, or as for `encode`.
    """
    _check_threshold(threshold_bytes)
    blob = encode(value, codec, size_warning=size_warning, warning_context=warning_context)
    return _offload(blob, codec, external_storage, threshold_bytes)


def external_storage_envelope_many(
    values: Sequence[Any],
    *,
    external_storage: ExternalStorageDriver,
    threshold_bytes: int,
    codec: str = AVRO_CODEC,
    size_warning: PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
    warning_context: PayloadWarningContexts = None,
) -> list[dict[str, Any]]:
    """The same for several values, with one visit to the codec."""
    _check_threshold(threshold_bytes)
    blobs = encode_many(values, codec, size_warning=size_warning, warning_context=warning_context)
    return [_offload(blob, codec, external_storage, threshold_bytes) for blob in blobs]


def decode_envelope(
    value: Any,
    codec: str | None = None,
    *,
    external_storage: ExternalStorageDriver | None = None,
    external_storage_cache: ExternalPayloadCache | None = None,
) -> Any:
    """Decode a payload in whatever form it travels.

    Args:
        value: An inline envelope, an external one, or a bare blob.
        codec: Codec of a bare blob. An envelope brings its own, which wins.
        external_storage: Where external payloads are fetched from.
        external_storage_cache: Payloads fetched before.

    Raises:
        ValueError: The payload cannot be decoded.
        ExternalStorageRequiredError: It is external, and there is no driver. A `ValueError`.
        ExternalPayloadIntegrityError: What was fetched is not what the reference describes.
    """
    document = _document(value)
    if "codec" in document and "blob" in document:
        return decode(document["blob"], document["codec"])
    if "external_storage" in document:
        return _decode_external(document, external_storage, external_storage_cache)
    return decode(value, codec)


def decode_envelopes(
    values: Sequence[Any],
    codec: str | None = None,
    *,
    external_storage: ExternalStorageDriver | None = None,
    external_storage_cache: ExternalPayloadCache | None = None,
) -> list[Any]:
    """Decode several payloads, in order, with one visit to each codec where none is external.

    Arguments and errors are those of `decode_envelope`.
    """
    alone = len(values) == 1  # which needs no order
    if alone or external_storage is not None or any(_is_external(value) for value in values):
        return [
            decode_envelope(
                value,
                codec,
                external_storage=external_storage,
                external_storage_cache=external_storage_cache,
            )
            for value in values
        ]
    places: dict[Any, list[int]] = {}
    blobs: list[Any] = []
    for place, value in enumerate(values):
        blob, own_codec = _inline(value, codec)
        blobs.append(blob)
        places.setdefault(own_codec, []).append(place)
    decoded: list[Any] = [None] * len(values)
    for own_codec, group in places.items():
        group_values = decode_many([blobs[place] for place in group], own_codec)
        for place, value in zip(group, group_values, strict=True):
            decoded[place] = value
    return decoded


_NO_DOCUMENT: Final[dict[str, Any]] = {}


def _document(value: object) -> dict[str, Any]:
    """The members of a payload that is an object; none for a bare blob."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else _NO_DOCUMENT


def _inline(value: Any, codec: str | None) -> tuple[Any, Any]:
    """Blob and codec of a payload that is not external."""
    document = _document(value)
    if "codec" in document and "blob" in document:
        return document["blob"], _hashable(document["codec"])
    return value, codec


def _hashable(codec: Any) -> Any:
    # A codec that is not a string is passed on: `decode` refuses it with an error that names it.
    return codec if codec is None or isinstance(codec, str) else repr(codec)


def _is_external(value: Any) -> bool:
    document = _document(value)
    return "external_storage" in document and not ("codec" in document and "blob" in document)


def _decode_external(
    document: dict[str, Any],
    driver: ExternalStorageDriver | None,
    cache: ExternalPayloadCache | None,
) -> Any:
    if driver is None:
        uri = _document(document["external_storage"]).get("uri")
        raise ExternalStorageRequiredError(uri if isinstance(uri, str) else None)
    reference = ExternalPayloadReference.from_dict(document["external_storage"])
    if document.get("codec", reference.codec) != reference.codec:
        raise ValueError("external payload reference codec does not match envelope codec")
    data = fetch_external_payload(driver, reference, cache=cache)
    return decode(data.decode(), reference.codec)


def _offload(
    blob: str, codec: str, driver: ExternalStorageDriver, threshold_bytes: int
) -> dict[str, Any]:
    if blob_size(blob) <= threshold_bytes:
        return {"codec": codec, "blob": blob}
    reference = store_external_payload(driver, blob.encode(), codec=codec)
    return {"codec": codec, "external_storage": reference.to_dict()}


def _check_threshold(threshold_bytes: int) -> None:
    if threshold_bytes < 1:
        raise ValueError("external storage threshold_bytes must be at least 1")
