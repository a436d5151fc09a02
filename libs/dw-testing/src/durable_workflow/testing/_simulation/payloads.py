"""Values as they travel: what a workflow and its mocks see has been encoded and decoded."""

from typing import Any, Final

from durable_workflow import serializer

CODEC: Final = serializer.AVRO_CODEC


def encoded(value: Any) -> dict[str, str]:
    """A value as an envelope.

    Raises:
        TypeError: It cannot be encoded.
        ValueError: Likewise.
    """
    return serializer.envelope(value, CODEC, size_warning=None)


def decoded(payload: Any) -> Any:
    """The value of an envelope or of a bare blob."""
    return serializer.decode_envelope(payload, CODEC)
