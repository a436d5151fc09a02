"""Blobs by codec name."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from durable_workflow._wire.json_faults import NotJson
from durable_workflow.serializer import _avro, _json
from durable_workflow.serializer._plain import NoPlainForm
from durable_workflow.serializer._sizes import (
    DEFAULT_PAYLOAD_SIZE_WARNING,
    PayloadSizeWarningConfig,
    PayloadWarningContext,
    PayloadWarningContexts,
    context_of_each,
    warn_each,
    warn_if_payload_near_limit,
)
from durable_workflow.serializer._unencodable import unencodable

JSON_CODEC: Final = "json"
AVRO_CODEC: Final = "avro"
SUPPORTED_CODECS: Final = (JSON_CODEC, AVRO_CODEC)


def encode(
    value: Any,
    codec: str = AVRO_CODEC,
    *,
    size_warning: PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
    warning_context: PayloadWarningContext = None,
) -> str:
    """Encode a value as a blob.

    Args:
        value: What JSON can carry, or what has a plain form, such as dates and dataclasses. None
            gives an encoded null, never an empty blob.
        codec: `avro` or `json`.
        size_warning: When to log a warning about the size; None never does.
        warning_context: Which payload it is, for that warning.

    Raises:
        TypeError: The value holds something without a plain form; the text names what is encoded,
            the place in it, and the ways out.
        ValueError: The codec is unknown, or the value holds NaN, an infinity, itself, or half of a
            surrogate pair; the text names the place likewise.
    """
    if codec not in SUPPORTED_CODECS:
        raise _unsupported(codec)
    try:
        blob = _avro.encode(value) if codec == AVRO_CODEC else _json.encode(value)
    except (NoPlainForm, NotJson) as error:
        raise unencodable(error, warning_context) from error
    warn_if_payload_near_limit(
        blob, codec=codec, size_warning=size_warning, warning_context=warning_context
    )
    return blob


def encode_many(
    values: Sequence[Any],
    codec: str = AVRO_CODEC,
    *,
    size_warning: PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
    warning_context: PayloadWarningContexts = None,
) -> list[str]:
    """Encode several values with one visit to the codec.

    Args:
        values: What to encode.
        codec: `avro` or `json`.
        size_warning: When to log a warning about a size; None never does.
        warning_context: One for all, or a sequence with one for each value.

    Raises:
        TypeError: As for `encode`.
        ValueError: As for `encode`, or the sequence of contexts has another length.
    """
    if codec not in SUPPORTED_CODECS:
        raise _unsupported(codec)
    try:
        if codec == AVRO_CODEC:
            blobs = _avro.encode_many(values)
        else:
            blobs = [_json.encode(value) for value in values]
    except (NoPlainForm, NotJson):
        # Which one it was: encoded one by one, it is named.
        for value, context in zip(
            values, context_of_each(warning_context, len(values)), strict=True
        ):
            encode(value, codec, size_warning=None, warning_context=context)
        raise
    warn_each(blobs, codec=codec, size_warning=size_warning, warning_context=warning_context)
    return blobs


def decode(blob: str | None, codec: str | None = None) -> Any:
    """Decode a blob.

    Args:
        blob: The blob. None and empty text decode to None, whatever the codec.
        codec: `avro` or `json`; None means `json`.

    Raises:
        ValueError: The codec is unknown, or the blob is not one of it.
    """
    if blob is None or blob == "":
        return None
    if codec == AVRO_CODEC:
        return _avro.decode(blob)
    return _decoder(codec)(blob)


def decode_many(blobs: Sequence[str | None], codec: str | None = None) -> list[Any]:
    """Decode several blobs of one codec; None and empty ones stay None in their place.

    Raises:
        ValueError: As for `decode`.
    """
    # Compared with None and "": any other falsy value that a peer sent must reach the decoder and
    # fail.
    present = {place: blob for place, blob in enumerate(blobs) if blob is not None and blob != ""}
    if not present:
        return [None] * len(blobs)
    if codec == AVRO_CODEC:
        values = _avro.decode_many(list(present.values()))
    else:
        decoder = _decoder(codec)
        values = [decoder(blob) for blob in present.values()]
    decoded: list[Any] = [None] * len(blobs)
    for place, value in zip(present, values, strict=True):
        decoded[place] = value
    return decoded


def _decoder(codec: str | None) -> Callable[[str], Any]:
    if codec is None or codec == JSON_CODEC:
        return _decode_json
    raise ValueError(
        f"Cannot decode payload with codec {codec!r}: supported codecs are {SUPPORTED_CODECS!r}"
    )


def _decode_json(blob: str) -> Any:
    try:
        return _json.decode(blob)
    except ValueError as error:
        raise ValueError(f"Payload is not valid JSON: {error}") from error


def _unsupported(codec: str) -> ValueError:
    return ValueError(
        f"Unsupported payload codec {codec!r}; supported codecs are {SUPPORTED_CODECS!r}"
    )
