"""Large blobs, looked into without decoding them: of many small values that would take long."""

from __future__ import annotations

import itertools
import re
from typing import Final

import msgspec

from durable_workflow import serializer
from durable_workflow.serializer import _avro, _avro_value
from durable_workflow.server.slices import Slices
from durable_workflow.server.structure import structure_of

# Characters. Smaller ones are decoded as quickly as they are looked over.
LARGE: Final = 16 * 1024
# Bytes of a typed frame whose values need not be counted. Of a larger one a pause comes with each
# thousand values; to look at one takes longer than to make it.
_SMALL_FRAME: Final = 64 * 1024
_MOST_PAUSES: Final = 8
# Digits of one number that Python does not read, and how they are found.
_TOO_MANY_DIGITS: Final = b"0" * 4301
_DIGITS: Final = bytes.maketrans(b"123456789", b"0" * 9)
# Half of a surrogate pair is read, though no answer can carry it.
_OF_A_PAIR: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_check = msgspec.json.Decoder(msgspec.Raw).decode


def is_list(blob: str, codec: str) -> Slices[bool]:
    """Whether a blob can be decoded, and holds a list.

    Raises:
        ValueError: It cannot be decoded.
        RecursionError: It is nested too deeply.
    """
    if len(blob) < LARGE:
        return isinstance(serializer.decode(blob, codec), list)
    found = opened(blob, codec)
    if isinstance(found, bytes):
        return (yield from _avro_value.is_array(found))
    text = found.encode()
    in_list = text.lstrip()[:1] == b"["
    if not is_json(text):
        # What Python reads besides, in a form that is JSON, and only where what it stands for was
        # read: behind a sign, a digit or a backslash neither is.
        for number in (b"NaN", b"-Infinity", b"Infinity"):
            text = text.replace(number, b"[]")
        if not is_json(_OF_A_PAIR.sub(rb"\\u0061", text)):
            raise ValueError("Payload is not valid JSON")
    # Of a megabyte in one string, to look at each byte would take longest of all that is done here.
    if _TOO_MANY_DIGITS in structure_of(text).translate(_DIGITS):
        # In a string there may be as many, and where strings are many they are looked at too.
        return isinstance(serializer.decode(blob, codec), list)
    return in_list


def opened(blob: str, codec: str) -> str | bytes:
    """The JSON text in a blob, or a typed frame.

    Raises:
        ValueError: Neither is in it.
    """
    return _avro.opened(blob) if codec == serializer.AVRO_CODEC else blob


def has_many_values(frame: bytes) -> bool:
    """Whether a typed frame has so many values that to make them would take long.

    Raises:
        ValueError: It is none.
    """
    if len(frame) <= _SMALL_FRAME:
        return False
    pauses = sum(1 for _ in itertools.islice(_avro_value.is_array(frame), _MOST_PAUSES))
    return pauses == _MOST_PAUSES


def is_json(text: bytes) -> bool:
    """Whether a text is JSON."""
    try:
        _check(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
