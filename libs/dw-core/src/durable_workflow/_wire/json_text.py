"""JSON text, written and read by msgspec where that is installed and says exactly the same.

The two writers differ: msgspec writes floats in other digits, NaN as null, and has forms for dates
and the like. So what it wrote is taken only where the value is made of texts, integers, booleans,
nulls, lists and objects with texts for keys alone. Everything else, and every error, is left to the
module `json`; what msgspec cannot read, too.
"""

import json
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from durable_workflow._wire.json_faults import NotJson, located, not_json
from durable_workflow._wire.keys import refuse_colliding_keys

_PLAIN: Final[frozenset[type]] = frozenset({str, int, bool, type(None)})

# Made once: `json.dumps` with options builds an encoder for each call.
_slow: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)

# Found with the first text; tests assign others. None where msgspec is not installed.
_write: Callable[[Any], bytes] | None = None
_read: Callable[[str | bytes], Any] | None = None
_looked = False


def encode(value: Any) -> str:
    """Compact JSON text of a value: key order kept, non-ASCII characters kept.

    Raises:
        TypeError: JSON has no form for a value or a key.
        ValueError: A float is NaN or infinite, the value contains itself, or two keys of a mapping
            are one in JSON.
        RecursionError: It is nested too deeply.
    """
    text = _written(value)
    return _slowly(value) if text is None else text.decode()


def encode_bytes(value: Any) -> bytes:
    """The same in UTF-8, for what is sent: to copy a megabyte takes its time.

    Raises:
        TypeError: As for `encode`; the text says where.
        ValueError: As for `encode`, or a text has half of a surrogate pair.
        RecursionError: It is nested too deeply.
    """
    text = _written(value)
    if text is not None:
        return text
    try:
        return in_utf8(_slowly(value), value)
    except (TypeError, NotJson) as error:
        raise located(error, value) from None


def in_utf8(text: str, value: Any) -> bytes:
    """The JSON text of a value in UTF-8.

    Raises:
        ValueError: A text in the value has half of a surrogate pair.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise not_json(error, value) from None


def _written(value: Any) -> bytes | None:
    """A text by msgspec; None where it might be another than the slow one."""
    write = _write if _looked else _find()
    if write is not None:
        try:
            text = write(value)
            if is_plain(value):
                return text
        except Exception:  # noqa: BLE001, S110 - the other writer says what is wrong, if anything is
            pass
    return None


def _slowly(value: Any) -> str:
    try:
        text = _slow.encode(value)
    except ValueError as error:
        raise not_json(error, value) from None
    refuse_colliding_keys(value)
    return text


def decode(text: str | bytes) -> Any:
    """The value of JSON text. `NaN` and infinities are read, though they are never written.

    Raises:
        ValueError: It is not JSON text.
        TypeError: It is no text.
        RecursionError: It is nested too deeply.
    """
    if not _looked:
        _find()
    if _read is not None:
        try:
            return _read(text)
        except Exception:  # noqa: BLE001, S110 - the other reader says what is wrong, if anything is
            pass
    return json.loads(text)


def is_plain(value: Any) -> bool:
    """Whether both writers write a value alike. It must not contain itself."""
    if value.__class__ in _PLAIN:
        return True
    waiting: list[Any] = [value]
    while waiting:
        found = waiting.pop()
        kind = found.__class__
        if kind is dict:
            for key, each in found.items():
                if key.__class__ is not str:
                    return False
                if each.__class__ not in _PLAIN:
                    waiting.append(each)
        elif kind is list or kind is tuple:
            waiting += [each for each in found if each.__class__ not in _PLAIN]
        else:
            return False
    return True


def _find() -> Callable[[Any], bytes] | None:
    global _write, _read, _looked
    if find_spec("msgspec") is not None:
        msgspec: Any = import_module("msgspec.json")
        _write, _read = msgspec.Encoder().encode, msgspec.Decoder().decode
    _looked = True
    return _write
