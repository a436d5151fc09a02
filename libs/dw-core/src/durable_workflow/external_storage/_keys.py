"""Object keys and URIs: what every driver builds, and refuses, in the same way.

Not public, but part of what the storage wheels rely on.
"""

import re
from collections.abc import Collection
from urllib.parse import quote, urlsplit

from durable_workflow.external_storage._reference import check_digest

_CODEC = re.compile(r"[A-Za-z0-9_.-]+")
# Segments that name a folder and not an entry of it.
_NAMELESS = frozenset({"", ".", ".."})


def object_key(codec: str, sha256: str, *, prefix: str = "") -> str:
    """The key of a payload: `[prefix/]<codec>/<first two hex digits>/<sha256>`.

    Raises:
        ValueError: The codec has characters that a key may not have, or the digest is none.
    """
    if _CODEC.fullmatch(codec) is None or codec in _NAMELESS:
        raise ValueError(f"external payload codec {codec!r} cannot be part of an object key")
    digest = check_digest(sha256)
    return "/".join(part for part in (prefix, codec, digest[:2], digest) if part)


def normalize_prefix(prefix: str) -> str:
    """A prefix without surrounding slashes, each segment percent-encoded.

    Raises:
        ValueError: A segment is empty, `.` or `..`.
    """
    trimmed = prefix.strip("/")
    if not trimmed:
        return ""
    segments = trimmed.split("/")
    if any(segment in _NAMELESS for segment in segments):
        raise ValueError(f"external payload storage prefix {prefix!r} has an unsafe segment")
    return "/".join(quote(segment, safe="-_.~") for segment in segments)


def require_name(name: str, kind: str) -> str:
    """The name of a bucket or container, or `ValueError` when it is empty."""
    if not name.strip():
        raise ValueError(f"external payload storage {kind} must be a non-empty string")
    return name


def key_of_uri(uri: str, *, schemes: Collection[str], container: str, prefix: str = "") -> str:
    """The object key in a URI that was made for this bucket or container.

    Args:
        uri: What `put` returned, or what another implementation wrote.
        schemes: Spellings of the scheme that mean this store.
        container: The bucket or container that it must name.
        prefix: The normalized prefix that the key must have.

    Raises:
        ValueError: It names another place, or its key is empty or unsafe.
    """
    parts = urlsplit(uri)
    if parts.scheme not in schemes:
        raise ValueError(f"external payload URI scheme must be one of {sorted(schemes)}: {uri!r}")
    if parts.netloc != container:
        raise ValueError(f"external payload URI is not in {container!r}: {uri!r}")
    # A key of ours has neither; cutting them off would address another object.
    if parts.query or parts.fragment:
        raise ValueError(f"external payload URI has an unsafe key: {uri!r}")
    key = parts.path.removeprefix("/")
    if any(segment in _NAMELESS for segment in key.split("/")):
        raise ValueError(f"external payload URI has an empty or unsafe key: {uri!r}")
    if prefix and not key.startswith(f"{prefix}/"):
        raise ValueError(f"external payload URI is outside the prefix {prefix!r}: {uri!r}")
    return key
