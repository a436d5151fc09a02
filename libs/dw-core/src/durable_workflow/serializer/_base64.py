"""Base64 text, by pybase64 where that is installed: forty times faster for a megabyte."""

import binascii
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

# For less the standard functions take no longer than one call of the others.
_LARGE = 1024

# Found with the first large payload; tests assign another. None where it is not installed.
fast: Any = None
_looked = False


def encode(data: bytes) -> str:
    """Base64 of bytes: standard alphabet, padded, on one line."""
    if len(data) >= _LARGE and (found := fast if _looked else _find()) is not None:
        text: str = found.b64encode_as_string(data)
        return text
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode(text: str) -> bytes:
    """Bytes of base64 text: standard alphabet, padded, nothing else in between.

    Raises:
        ValueError: It is no such text.
        TypeError: It is no text.
    """
    if len(text) >= _LARGE and (found := fast if _looked else _find()) is not None:
        b64decode: Callable[..., bytes] = found.b64decode
        with suppress(Exception):  # the standard function says what is wrong
            return b64decode(text, validate=True)
    return binascii.a2b_base64(text, strict_mode=True)


def _find() -> Any:
    global fast, _looked
    if find_spec("pybase64") is not None:
        fast = import_module("pybase64")
    _looked = True
    return fast
