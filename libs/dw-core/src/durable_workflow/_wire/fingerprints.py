"""Fingerprints of wait predicates on the wire: `<scheme>:<digest>`.

Fingerprints of two schemes cannot be compared. The reference SDK's scheme is `sha256`. Its workers
refuse a history with another scheme, so a server leaves our fingerprints out for them.
"""

from typing import Final

SOURCE_SCHEME: Final = "sha256:v2"
# Used where no source is available (a console, a stripped deployment): it covers the name only.
NAME_SCHEME: Final = "sha256:v2-name"


def scheme_of(fingerprint: str) -> str:
    """The part before the digest."""
    return fingerprint.rpartition(":")[0]


def is_ours(fingerprint: str) -> bool:
    """Whether a worker of this project made a fingerprint."""
    return scheme_of(fingerprint) in (SOURCE_SCHEME, NAME_SCHEME)


def comparable(first: str | None, second: str | None) -> bool:
    """Whether both exist and have the same scheme. Only then does a difference mean anything."""
    return bool(first and second) and scheme_of(first or "") == scheme_of(second or "")
