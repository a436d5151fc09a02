"""Payloads: values to text with a codec's name, and back."""

from durable_workflow._publish import publish
from durable_workflow.serializer import _avro as _avro
from durable_workflow.serializer._codecs import (
    AVRO_CODEC,
    JSON_CODEC,
    SUPPORTED_CODECS,
    decode,
    decode_many,
    encode,
    encode_many,
)
from durable_workflow.serializer._envelope import (
    decode_envelope,
    decode_envelopes,
    envelope,
    envelope_many,
    external_storage_envelope,
    external_storage_envelope_many,
)
from durable_workflow.serializer._sizes import (
    DEFAULT_PAYLOAD_SIZE_BYTES,
    DEFAULT_PAYLOAD_SIZE_WARNING,
    DEFAULT_WARNING_THRESHOLD_PERCENT,
    PayloadSizeWarningConfig,
    PayloadSizeWarningContext,
    PayloadWarningContext,
    PayloadWarningContexts,
    log,
    warn_if_json_payload_near_limit,
    warn_if_payload_near_limit,
)
from durable_workflow.serializer._values import to_avro_payload_value, to_avro_payload_values

__all__ = [
    "AVRO_CODEC",
    "DEFAULT_PAYLOAD_SIZE_BYTES",
    "DEFAULT_PAYLOAD_SIZE_WARNING",
    "DEFAULT_WARNING_THRESHOLD_PERCENT",
    "JSON_CODEC",
    "SUPPORTED_CODECS",
    "PayloadSizeWarningConfig",
    "PayloadSizeWarningContext",
    "PayloadWarningContext",
    "PayloadWarningContexts",
    "decode",
    "decode_envelope",
    "decode_envelopes",
    "decode_many",
    "encode",
    "encode_many",
    "envelope",
    "envelope_many",
    "external_storage_envelope",
    "external_storage_envelope_many",
    "log",
    "to_avro_payload_value",
    "to_avro_payload_values",
    "warn_if_json_payload_near_limit",
    "warn_if_payload_near_limit",
]

publish(globals(), __all__)
