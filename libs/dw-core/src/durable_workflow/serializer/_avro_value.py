"""The typed frame of later servers: an Avro single-object encoding of a recursive value.

    C3 01 | fingerprint, 8 bytes | union branch | datum

It is read wherever an `avro` payload is read. It is not written yet: peers of protocol 1.1 only
know the wrapper. The reader is written by hand because the schema never changes, and because a
reader driven by the schema could not tell which branch of the union a record came from.

Each error begins with a reason code, which later peers report as it is.
"""

import itertools
import math
import struct
from collections.abc import Callable, Generator
from typing import Any, cast

MAGIC = b"\xc3\x01"
# CRC-64-AVRO of the canonical form of `durable_workflow.protocol.Value`, little-endian.
FINGERPRINT = bytes.fromhex("e2a33dff55802237")
_HEADER = MAGIC + FINGERPRINT

_DOUBLE = struct.Struct("<d")
_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1
# A 64-bit number takes at most this many groups of 7 bits.
_VARINT_BYTES = 10

# Values that are looked at between two pauses, and how deep they are looked for. `decode_frame`
# reads about so deep: how deep exactly depends on who calls it.
_SLICE = 1000
_DEEPEST = 300

_NULL, _BOOLEAN, _LONG, _DOUBLE_BRANCH, _BYTES, _STRING, _ARRAY, _MAP = range(8)


def decode_frame(frame: bytes) -> Any:
    """The value in a typed frame.

    Raises:
        ValueError: `invalid_payload_framing` or `unsupported_payload_schema`.
    """
    reader = _begin(frame)
    try:
        value = reader.value()
    except RecursionError as error:
        raise _framing("the value is nested too deeply") from error
    reader.end()
    return value


def is_array(frame: bytes) -> Generator[None, None, bool]:
    """Whether a typed frame holds an array, with a pause every thousand values. None is kept.

    Raises:
        ValueError: As for `decode_frame`.
    """
    reader = _begin(frame)
    first = reader.branch()
    # Of each array and map that has not ended: its branch, and the items left in its block.
    waiting: list[list[int]] = []
    branch = first
    for read in itertools.count(1):
        if branch in (_ARRAY, _MAP):
            if len(waiting) == _DEEPEST:
                raise _framing("the value is nested too deeply")
            waiting.append([branch, 0])
        else:
            reader.read(branch)
        while waiting and not waiting[-1][1]:
            waiting[-1][1] = reader.block()
            if not waiting[-1][1]:
                waiting.pop()
        if not waiting:
            break
        waiting[-1][1] -= 1
        if waiting[-1][0] == _MAP:
            reader.read(_STRING)
        branch = reader.branch()
        if read % _SLICE == 0:
            yield
    reader.end()
    return first == _ARRAY


def encode_frame(value: Any) -> bytes:
    """The typed frame of a value.

    Raises:
        ValueError: `integer_overflow`, `non_finite_float` or `invalid_map_key`.
        TypeError: `unsupported_value_type`.
    """
    out = bytearray(_HEADER)
    try:
        _write_value(out, value)
    except RecursionError as error:
        raise ValueError("unsupported_value_type: the value is nested too deeply") from error
    return bytes(out)


def _begin(frame: bytes) -> "_Reader":
    if len(frame) < len(_HEADER) or not frame.startswith(MAGIC):
        raise _framing("the frame does not begin with the magic bytes and a fingerprint")
    if not frame.startswith(_HEADER):
        fingerprint = frame[len(MAGIC) : len(_HEADER)].hex()
        raise ValueError(f"unsupported_payload_schema: unknown fingerprint {fingerprint}")
    return _Reader(frame, len(_HEADER))


class _Reader:
    """Reads a datum from a frame, keeping its place."""

    def __init__(self, frame: bytes, position: int) -> None:
        self._frame = frame
        self.position = position
        self._branches: tuple[Callable[[], Any], ...] = (
            lambda: None,
            self._boolean,
            self._long,
            self._double,
            self._bytes,
            self._string,
            self._array,
            self._map,
        )

    def value(self) -> Any:
        return self._branches[self.branch()]()

    def branch(self) -> int:
        """The branch of the next value."""
        branch = self._long()
        if not 0 <= branch < len(self._branches):
            raise _framing(f"unknown union branch {branch}")
        return branch

    def read(self, branch: int) -> Any:
        """A datum of a branch."""
        return self._branches[branch]()

    def end(self) -> None:
        """Check that nothing follows."""
        if self.position != len(self._frame):
            raise _framing(f"{len(self._frame) - self.position} bytes follow the value")

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if count < 0 or end > len(self._frame):
            raise _framing("the frame is truncated")
        taken = self._frame[self.position : end]
        self.position = end
        return taken

    def _long(self) -> int:
        number = 0
        for group in range(_VARINT_BYTES):
            byte = self._take(1)[0]
            number |= (byte & 0x7F) << (7 * group)
            if byte < 0x80:
                break
        else:
            raise _framing("a number is longer than 64 bits")
        if number >= 2**64:
            raise _framing("a number is longer than 64 bits")
        return (number >> 1) ^ -(number & 1)

    def _boolean(self) -> bool:
        byte = self._take(1)[0]
        if byte > 1:
            raise _framing(f"a boolean is {byte}")
        return byte == 1

    def _double(self) -> float:
        (number,) = _DOUBLE.unpack(self._take(_DOUBLE.size))
        if not math.isfinite(number):
            raise _framing("a double is not finite")
        return float(number)

    def _bytes(self) -> bytes:
        return self._take(self._long())

    def _string(self) -> str:
        try:
            return self._bytes().decode()
        except UnicodeDecodeError as error:
            raise _framing("a string is not UTF-8") from error

    def block(self) -> int:
        """Number of items of the next block; 0 ends the array or map."""
        count = self._long()
        if count < 0:
            # A negative count is followed by the block's size, for readers that skip it.
            self._long()
            count = -count
        # Each item takes at least a byte: refuse before a hostile count costs memory.
        if count > len(self._frame) - self.position:
            raise _framing("the frame is truncated")
        return count

    def _array(self) -> list[Any]:
        items: list[Any] = []
        while count := self.block():
            items.extend(self.value() for _ in range(count))
        return items

    def _map(self) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while count := self.block():
            for _ in range(count):
                key = self._string()
                entries[key] = self.value()
        return entries


def _write_value(out: bytearray, value: object) -> None:
    # `bool` before `int`, whose subclass it is. Exact otherwise: no class is lost in silence.
    match value:
        case None:
            _write_long(out, _NULL)
        case bool():
            _write_long(out, _BOOLEAN)
            out.append(value)
        case int():
            if not _LONG_MIN <= value <= _LONG_MAX:
                raise ValueError("integer_overflow: an integer does not fit into 64 bits")
            _write_long(out, _LONG)
            _write_long(out, value)
        case float():
            if not math.isfinite(value):
                raise ValueError("non_finite_float: NaN and infinities cannot be encoded")
            _write_long(out, _DOUBLE_BRANCH)
            out += _DOUBLE.pack(value)
        case bytes():
            _write_long(out, _BYTES)
            _write_bytes(out, value)
        case str():
            _write_long(out, _STRING)
            _write_bytes(out, value.encode())
        case list():
            _write_array(out, cast("list[object]", value))
        case dict():
            _write_map(out, cast("dict[object, object]", value))
        case _:
            raise TypeError(f"unsupported_value_type: {type(value).__name__}")


def _write_array(out: bytearray, items: list[object]) -> None:
    _write_long(out, _ARRAY)
    if items:
        _write_long(out, len(items))
        for item in items:
            _write_value(out, item)
    _write_long(out, 0)


def _write_map(out: bytearray, entries: dict[object, object]) -> None:
    _write_long(out, _MAP)
    if entries:
        _write_long(out, len(entries))
        for key, value in entries.items():
            if not isinstance(key, str):
                raise ValueError(f"invalid_map_key: a key is of type {type(key).__name__}")
            _write_bytes(out, key.encode())
            _write_value(out, value)
    _write_long(out, 0)


def _write_bytes(out: bytearray, data: bytes) -> None:
    _write_long(out, len(data))
    out += data


def _write_long(out: bytearray, number: int) -> None:
    """Zigzag, then groups of 7 bits from the low end."""
    rest = (number << 1) ^ (number >> 63)
    while rest > 0x7F:
        out.append((rest & 0x7F) | 0x80)
        rest >>= 7
    out.append(rest)


def _framing(detail: str) -> ValueError:
    return ValueError(f"invalid_payload_framing: {detail}")
