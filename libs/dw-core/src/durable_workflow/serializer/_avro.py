"""The codec `avro`: base64 of a frame, whose first byte says which.

    00       the wrapper: one record with the value's JSON text; the only one written
    C3 01    the typed value of later servers; read only
    01       reserved

`encode`, `decode`, `encode_many` and `decode_many` are called through this module, always: test
suites replace them here.
"""

from collections.abc import Sequence
from typing import Any

from durable_workflow.serializer import _avro_value, _base64, _json
from durable_workflow.serializer._avro_runtimes import (
    AvroRuntime,
    installed_runtime,
    read_short,
    write_short,
)

_WRAPPER = b"\x00"
_RESERVED = b"\x01"
_JSON_STARTS = frozenset('{["-tfn0123456789')
_RETAG = "change the codec tag to 'json', or encode the payload again as 'avro'"

# Chosen with the first payload. Tests assign another one.
runtime: AvroRuntime | None = None


def _runtime() -> AvroRuntime:
    global runtime
    if runtime is None:
        runtime = installed_runtime()
    return runtime


def encode(value: Any) -> str:
    """The blob of a value.

    Raises:
        TypeError: JSON has no form for it.
        ValueError: It holds NaN or an infinity, or contains itself.
        AvroNotInstalledError: No Avro runtime is installed.
    """
    return _wrap(_json.encode(value), runtime or _runtime())


def encode_many(values: Sequence[Any]) -> list[str]:
    """The blob of each value."""
    chosen = runtime or _runtime()
    return [_wrap(_json.encode(value), chosen) for value in values]


def encode_text(text: str) -> str:
    """The blob of a value whose JSON text is known."""
    return _wrap(text, runtime or _runtime())


def opened(blob: str) -> str | bytes:
    """What is in a blob: the JSON text of a value, or a typed frame.

    Raises:
        ValueError: It is no such blob; the text says what it is instead.
        AvroNotInstalledError: No Avro runtime is installed.
    """
    frame = _frame_of(blob)
    if frame[:1] == _WRAPPER:
        return _text_of(frame, runtime or _runtime())
    if frame[:2] == _avro_value.MAGIC:
        return frame
    raise _unknown_frame(blob, frame)


def decode(blob: str) -> Any:
    """The value of a blob.

    Raises:
        ValueError: It is no such blob; the text says what it is instead.
        AvroNotInstalledError: No Avro runtime is installed.
    """
    found = opened(blob)
    if isinstance(found, bytes):
        return _avro_value.decode_frame(found)
    try:
        return _json.decode(found)
    except ValueError as error:
        raise ValueError(f"the json field of an Avro payload is not valid JSON: {error}") from error


def decode_many(blobs: Sequence[str]) -> list[Any]:
    """The value of each blob."""
    return [decode(blob) for blob in blobs]


def _wrap(text: str, chosen: AvroRuntime) -> str:
    return _base64.encode(_WRAPPER + (write_short(text) or chosen.write(text)))


def _text_of(frame: bytes, chosen: AvroRuntime) -> str:
    record = frame[1:]
    try:
        return read_short(record) or chosen.read(record)
    except Exception as error:
        # Whatever the library raises for bytes that are no record: its types are its own.
        why = str(error) or "it ends too early"  # where a number has to be, which says nothing
        raise ValueError(f"cannot decode the Avro generic wrapper of a payload: {why}") from error


def _frame_of(blob: str) -> bytes:
    """The bytes behind base64 text: standard alphabet, padded, nothing else in between."""
    try:
        frame = _base64.decode(blob)
    except (ValueError, TypeError) as error:
        if isinstance(blob, str) and blob.lstrip()[:1] in _JSON_STARTS:  # pyright: ignore[reportUnnecessaryIsInstance] (whatever a peer sent)
            raise _looks_like_json(blob) from error
        raise ValueError(
            f"cannot decode an 'avro' payload: it is not base64 ({error}); encode it again, or "
            "change its codec tag to what it is"
        ) from error
    if not frame:
        raise ValueError("an 'avro' payload is empty after base64")
    return frame


def _unknown_frame(blob: str, frame: bytes) -> ValueError:
    if frame[:1] == _RESERVED:
        return ValueError(
            "an 'avro' payload is typed Avro (prefix 0x01) without its schema, "
            "which is not supported"
        )
    try:
        _json.decode(blob)
    except ValueError:
        return ValueError(f"an 'avro' payload has the unknown prefix 0x{frame[0]:02x}")
    # `null`, `true` and `1234` are base64 too.
    return _looks_like_json(blob)


def _looks_like_json(blob: str) -> ValueError:
    return ValueError(
        f"an 'avro' payload looks like JSON text ({blob.lstrip()[:16]!r}): its producer tagged "
        f"JSON as 'avro'; {_RETAG}"
    )
