"""The canonical text of a bundle, `json-recursive-ksort-v1`.

Its member `integrity` left out, keys sorted by code point, no whitespace, slashes as they are. What
is left open is how exporters spell two things, and a checksum over either spelling is accepted:

* characters outside ASCII: literally, or as lower-case `\\uXXXX` (exporters written in PHP);
* floats whose exponent is written out: `1e+22` as Python does, or `1.0e+22` as PHP does.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from durable_workflow._wire.json_values import is_list, is_object

CANONICALIZATION: Final = "json-recursive-ksort-v1"
_EXPONENT: Final = re.compile(r"(-?\d+)(?:\.(\d+))?e([+-])0*(\d+)")
# PHP writes exponents from here on only, Python one step earlier.
_FIXED_BELOW: Final = 1e17


def canonical_texts(bundle: Mapping[str, Any]) -> Iterator[bytes]:
    """Each spelling of the canonical text, the likeliest first.

    Raises:
        ValueError: A number is not finite, or a string is no Unicode text.
        TypeError: A value is none of JSON.
        RecursionError: It is nested too deeply.
    """
    bare = {key: value for key, value in bundle.items() if key != "integrity"}
    literal = _dumps(bare, ensure_ascii=False)
    yield literal.encode()  # nearly always the one: the others are made only where it is not
    escaped = _dumps(bare, ensure_ascii=True)
    if escaped != literal:
        yield escaped.encode()
    if _has_long_float(bare):
        yield _php_text(bare, ensure_ascii=False).encode()
        if escaped != literal:
            yield _php_text(bare, ensure_ascii=True).encode()


def _dumps(value: Any, *, ensure_ascii: bool) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    )


def _has_long_float(value: Any) -> bool:
    if is_object(value):
        return any(map(_has_long_float, value.values()))
    if is_list(value):
        return any(map(_has_long_float, value))
    return isinstance(value, float) and "e" in repr(value)


def _php_text(value: Any, *, ensure_ascii: bool) -> str:
    if is_object(value):
        members = (
            f"{_dumps(key, ensure_ascii=ensure_ascii)}:"
            f"{_php_text(value[key], ensure_ascii=ensure_ascii)}"
            for key in sorted(value)
        )
        return "{" + ",".join(members) + "}"
    if is_list(value):
        return "[" + ",".join(_php_text(item, ensure_ascii=ensure_ascii) for item in value) + "]"
    if isinstance(value, float):
        return _php_float(value)
    return _dumps(value, ensure_ascii=ensure_ascii)


def _php_float(value: float) -> str:
    text = repr(value)
    match = _EXPONENT.fullmatch(text)
    if match is None:
        return text
    if 1 <= abs(value) < _FIXED_BELOW:
        return f"{value:.1f}"
    whole, fraction, sign, exponent = match.groups()
    return f"{whole}.{fraction or '0'}e{sign}{exponent}"
