"""JSON text: the codec `json`, and the inside of the codec `avro`."""

from typing import Any

from durable_workflow._wire import json_text
from durable_workflow.serializer._plain import plain


def encode(value: Any) -> str:
    """Compact JSON text of a value: key order kept, non-ASCII characters kept.

    Rich values are written in their plain form.

    Raises:
        NoPlainForm: A value or a key has none.
        NotJson: A float is NaN or infinite, the value contains itself, or a text has half of a
            surrogate pair, which UTF-8 cannot carry.
        ValueError: Two keys of a mapping are one in JSON, or it is nested too deeply.
    """
    try:
        try:
            text = json_text.encode(value)
        except TypeError:
            value = plain(value)
            text = json_text.encode(value)
    except RecursionError as error:
        raise ValueError("payload is nested too deeply to be encoded") from error
    if not text.isascii():
        # Refused here, where the value is known, and not where it is sent.
        json_text.in_utf8(text, value)
    return text


def decode(text: str) -> Any:
    """The value of JSON text. `NaN` and infinities are read, though they are never written.

    Raises:
        ValueError: It is not JSON text.
    """
    try:
        return json_text.decode(text)
    except RecursionError as error:
        # A payload that is nested too deeply is a bad payload, and not an error of the process.
        raise ValueError("it is nested too deeply to be decoded") from error
    except TypeError as error:
        raise ValueError(f"it is of type {type(text).__name__} and not text") from error
