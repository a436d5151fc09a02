"""Encoding and decoding payloads: envelopes, warnings about size, external storage."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from durable_workflow import serializer
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.external_storage import ExternalPayloadCache, ExternalStorageDriver
from durable_workflow.serializer import PayloadSizeWarningConfig, PayloadSizeWarningContext


@dataclass(slots=True)
class Payloads:
    """How a client treats payloads.

    Attributes:
        size_warning: When to warn about large payloads; None never.
        external_storage: Where large payloads go, and where referenced ones are fetched.
        threshold_bytes: Payloads of this size and more go there; None keeps all inline.
        cache: Referenced payloads that were fetched before.
    """

    size_warning: PayloadSizeWarningConfig | None
    external_storage: ExternalStorageDriver | None
    threshold_bytes: int | None
    cache: ExternalPayloadCache

    def envelope(
        self,
        value: Any,
        *,
        codec: str = serializer.AVRO_CODEC,
        warning_context: PayloadSizeWarningContext | None = None,
        external_storage: ExternalStorageDriver | None = None,
        external_storage_threshold_bytes: int | None = None,
    ) -> JsonObject:
        """Envelope of a value: inline, or in external storage where one is set up and it is large.

        Args:
            value: What to encode.
            codec: Codec of the envelope.
            warning_context: What the log says the payload belongs to.
            external_storage: In place of the client's own driver.
            external_storage_threshold_bytes: In place of the client's own threshold.

        Raises:
            TypeError: The value cannot be encoded.
            ValueError: The value cannot be encoded, or the threshold is less than 1.
        """
        offloading = self._offloading(external_storage, external_storage_threshold_bytes)
        if offloading is None:
            return cast(
                "JsonObject",
                serializer.envelope(
                    value,
                    codec,
                    size_warning=self.size_warning,
                    warning_context=warning_context,
                ),
            )
        driver, threshold = offloading
        return serializer.external_storage_envelope(
            value,
            external_storage=driver,
            threshold_bytes=threshold,
            codec=codec,
            size_warning=self.size_warning,
            warning_context=warning_context,
        )

    async def encode(
        self,
        value: Any,
        context: PayloadSizeWarningContext,
        *,
        codec: str = serializer.AVRO_CODEC,
        external_storage: ExternalStorageDriver | None = None,
        external_storage_threshold_bytes: int | None = None,
    ) -> JsonObject:
        """Envelope of a value, without blocking the event loop while a driver stores it.

        Args:
            value: What to encode.
            context: What the log says the payload belongs to.
            codec: Codec of the envelope.
            external_storage: In place of the client's own driver.
            external_storage_threshold_bytes: In place of the client's own threshold.
        """
        encode = partial(
            self.envelope,
            value,
            codec=codec,
            warning_context=context,
            external_storage=external_storage,
            external_storage_threshold_bytes=external_storage_threshold_bytes,
        )
        if self._offloading(external_storage, external_storage_threshold_bytes) is None:
            return encode()
        return await asyncio.to_thread(encode)

    async def encode_arguments(
        self, args: list[Any] | None, context: PayloadSizeWarningContext
    ) -> JsonObject | None:
        """Envelope of the arguments of a signal, query or update; None when there are none.

        Raises:
            TypeError: They are not a list.
        """
        given = positional("args", args)
        return await self.encode(given, context) if given else None

    async def decode(self, payloads: Sequence[Any], codec: str | None = None) -> list[Any]:
        """Values of recorded payloads, in order; None stays None.

        Args:
            payloads: Envelopes, or bare blobs in `codec`.
            codec: Codec of what does not name its own.
        """
        decode = partial(
            serializer.decode_envelopes,
            external_storage=self.external_storage,
            external_storage_cache=self.cache,
        )
        if self.external_storage is not None and any(map(_is_external, payloads)):
            return await asyncio.to_thread(decode, payloads, codec)
        return decode(payloads, codec)

    def warn_if_attributes_near_limit(
        self, attributes: JsonObject | None, context: PayloadSizeWarningContext
    ) -> None:
        """Warn about large search attributes, which travel as plain JSON.

        Raises:
            TypeError: JSON has no form for the value of one.
            ValueError: Likewise, as for NaN.
        """
        # Of another type they are refused where the body is written.
        if isinstance(attributes, dict):
            _check_attributes(attributes)
            serializer.warn_if_json_payload_near_limit(
                attributes, size_warning=self.size_warning, warning_context=context
            )

    def _offloading(
        self, external_storage: ExternalStorageDriver | None, threshold_bytes: int | None
    ) -> tuple[ExternalStorageDriver, int] | None:
        """The driver and the threshold for a payload, or None where it stays inline."""
        # Compared with None, because an empty driver that is a container would be false.
        driver = self.external_storage if external_storage is None else external_storage
        threshold = self.threshold_bytes if threshold_bytes is None else threshold_bytes
        return None if driver is None or threshold is None else (driver, threshold)


def positional(name: str, given: Any) -> list[Any]:
    """Positional arguments as a list; None is an empty one.

    Args:
        name: What the caller knows them as.
        given: The arguments: any iterable but a string or a mapping.

    Raises:
        TypeError: One argument was given in place of a list. A string would become a list of its
            letters, and a mapping a list of its keys.
    """
    if given is None:
        return []
    if _is_single(given):
        raise TypeError(
            f"{name} must be a list of positional arguments, not one of type "
            f"{type(given).__name__}: put it in a list, as in {name}=[...]"
        )
    return list(given)


def _check_attributes(attributes: JsonObject) -> None:
    for name, value in attributes.items():
        try:
            serializer.encode(value, serializer.JSON_CODEC, size_warning=None)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"search attribute {name!r}: {error}") from error


def _is_single(given: object) -> bool:
    text_or_mapping = isinstance(given, str | bytes | bytearray | Mapping)
    return text_or_mapping or not isinstance(given, Iterable)


def _is_external(payload: Any) -> bool:
    return isinstance(payload, dict) and "external_storage" in payload
