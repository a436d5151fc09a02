"""Values as they travel: what a workflow and its mocks see has been encoded and decoded."""

from collections.abc import Sequence
from typing import Any, Final, cast

from durable_workflow import serializer

CODEC: Final = serializer.AVRO_CODEC


def argument_list(args: Sequence[Any] | None, what: str) -> list[Any]:
    """Positional arguments as a list.

    Args:
        args: What a test gave; None for none.
        what: Whose arguments they are.
    Raises:
        TypeError: It is a single value. A text would be taken letter by letter.
    """
    given = cast("object", args)
    if isinstance(given, str | bytes) or not isinstance(given, Sequence | None):
        raise TypeError(f"the arguments of {what} must be a list, as in [{given!r}]")
    return list(args or [])


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
