"""The canonical text of a bundle, which its checksum is over (`json-recursive-ksort-v1`).

Keys are sorted by code point, there is no whitespace, and characters outside ASCII stand as they
are. The standard library writes it, and not msgspec, because verifiers recompute the text with it:
the two spell floats differently. A bundle is sent as its canonical text with `integrity` added at
the end, so that it is hashed while it is sent.
"""

from __future__ import annotations

import json
from typing import Any, Final

CANONICALIZATION: Final = "json-recursive-ksort-v1"

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


def canonical(value: Any) -> bytes:
    """The canonical text of a value of JSON."""
    return _encode(value).encode()
