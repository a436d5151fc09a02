"""Fingerprints of wait predicates on the wire: `<scheme>:<digest>`.

Two schemes say nothing about each other. The reference SDK's scheme is `sha256`; its workers
refuse a history that holds another, so a server keeps ours from them.
"""

from typing import Final

SOURCE_SCHEME: Final = "sha256:v2"
# No source at hand (a console, a stripped deployment): only the predicate's name is known.
NAME_SCHEME: Final = "sha256:v2-name"


def scheme_of(fingerprint: str) -> str:
    """What stands before the digest."""
    return fingerprint.rpartition(":")[0]


def is_ours(fingerprint: str) -> bool:
    """Whether a worker of this project made a fingerprint."""
    return scheme_of(fingerprint) in (SOURCE_SCHEME, NAME_SCHEME)


def comparable(first: str | None, second: str | None) -> bool:
    """Whether both are there and of one scheme, so that a difference means something."""
    return bool(first and second) and scheme_of(first or "") == scheme_of(second or "")
