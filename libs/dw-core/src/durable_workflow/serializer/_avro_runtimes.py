"""The two Avro libraries, each writing and reading the one record that a payload is.

The Apache package is a dependency and thus always there; fastavro is used instead when it is
installed. Both give the same bytes, which a property test holds. Either is imported with the first
payload: each costs about 0.1 s, which a program that only imports this package need not pay.

The Apache package is used through its binary encoder, field by field, and not through its datum
writer: that one walks the schema and validates each datum anew, which costs four times as much
for a record of two known fields.

A short text, as almost every payload is, needs no library: the record is its length in one or two
bytes, the text, and the version. Whatever does not look exactly so is left to the library.
"""

import io
import json
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Protocol

from durable_workflow.errors import AvroNotInstalledError

SCHEMA_TEXT = (
    '{"type":"record","name":"Payload","namespace":"durable_workflow","fields":'
    '[{"name":"json","type":"string"},{"name":"version","type":"int","default":1}]}'
)
_VERSION = 1
_VERSION_BYTES: Final = b"\x02"  # as Avro spells 1
# Up to these the length takes one byte, or two.
_ONE_BYTE: Final = 63
_TWO_BYTES: Final = 8191


def write_short(text: str) -> bytes | None:
    """The record around a JSON text, or None where that is long."""
    data = text.encode()
    length = len(data)
    if length <= _ONE_BYTE:
        return b"%c%b%b" % (length * 2, data, _VERSION_BYTES)
    if length <= _TWO_BYTES:
        spelled = length * 2
        return b"%c%c%b%b" % (spelled & 127 | 128, spelled >> 7, data, _VERSION_BYTES)
    return None


def read_short(record: bytes) -> str | None:
    """The JSON text in a record, or None where this is not the record of a short text."""
    if len(record) < len(_VERSION_BYTES) + 2 or record[-1:] != _VERSION_BYTES:
        return None
    spelled, start = record[0], 1
    if spelled > 127:
        spelled, start = spelled & 127 | record[1] << 7, 2
        if record[1] > 127:
            return None
    # An odd number stands for a negative one.
    if spelled % 2 or spelled // 2 != len(record) - start - len(_VERSION_BYTES):
        return None
    try:
        return record[start:-1].decode()
    except UnicodeDecodeError:
        return None


class AvroRuntime(Protocol):
    """Writes and reads the record `durable_workflow.Payload`."""

    def write(self, text: str) -> bytes:
        """The record around a JSON text."""
        ...

    def read(self, record: bytes) -> str:
        """The JSON text in a record; what follows the record is ignored."""
        ...


class ApacheAvro:
    """The Apache package `avro`."""

    def __init__(self) -> None:
        self._io: Any = import_module("avro.io")

    def write(self, text: str) -> bytes:
        buffer = io.BytesIO()
        encoder = self._io.BinaryEncoder(buffer)
        data = text.encode()
        # `write_utf8` would do these two with a format string of the data's length.
        encoder.write_long(len(data))
        encoder.write(data)
        encoder.write_int(_VERSION)
        return buffer.getvalue()

    def read(self, record: bytes) -> str:
        decoder = self._io.BinaryDecoder(io.BytesIO(record))
        text: str = decoder.read_utf8()
        decoder.read_int()
        return text


class FastAvro:
    """The package `fastavro`."""

    def __init__(self) -> None:
        fastavro: Any = import_module("fastavro")
        self._schema = fastavro.parse_schema(json.loads(SCHEMA_TEXT))
        self._writer = fastavro.schemaless_writer
        self._reader = fastavro.schemaless_reader

    def write(self, text: str) -> bytes:
        buffer = io.BytesIO()
        self._writer(buffer, self._schema, {"json": text, "version": _VERSION})
        return buffer.getvalue()

    def read(self, record: bytes) -> str:
        text: str = self._reader(io.BytesIO(record), self._schema, None)["json"]
        return text


def installed_runtime() -> AvroRuntime:
    """The faster one of those installed.

    Raises:
        AvroNotInstalledError: Neither is.
    """
    if find_spec("fastavro") is not None:
        return FastAvro()
    try:
        return ApacheAvro()
    except ImportError as error:
        raise AvroNotInstalledError(
            "the Avro runtime is not installed, though dw-core depends on it: pip install avro"
        ) from error
