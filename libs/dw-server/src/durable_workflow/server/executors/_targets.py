"""Carriers of the type `invocable_http`: an HTTP endpoint that is sent a task, and responds."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from durable_workflow._wire.json_values import dict_or_none, list_or_none

INVOCABLE_HTTP: Final = "invocable_http"
METHOD: Final = "POST"
MAX_ATTEMPTS_DEFAULT: Final = 1
RETRYABLE_STATUS_CODES_DEFAULT: Final = (408, 429, 500, 502, 503, 504)

_LONGEST_TIMEOUT: Final = 900
_MOST_ATTEMPTS: Final = 5
_MOST_BACKOFFS: Final = 5
_LONGEST_BACKOFF: Final = 300
_MOST_STATUS_CODES: Final = 20
_RETRYABLE: Final = frozenset({408, 425, 429, *range(500, 600)})
# What a URL never has; parsers leave some of it out silently, and so would see another URL.
_NOT_IN_A_URL: Final = re.compile(r"[\x00-\x20\x7f\\]")


def wrong_with(carrier: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each member of an invocable carrier that does not fit, and what would."""
    if not _is_secure(carrier.get("url")):
        yield (
            "url",
            "must be an absolute https URL without a user, or an http URL of this machine",
        )
    if carrier.get("method", METHOD) != METHOD:
        yield "method", f"must be {METHOD}"
    timeout = carrier.get("timeout_seconds")
    if timeout is not None and not _is_integer(timeout, 1, _LONGEST_TIMEOUT):
        yield "timeout_seconds", f"must be an integer from 1 to {_LONGEST_TIMEOUT}"
    policy = carrier.get("retry_policy")
    if policy is None:
        return
    members = dict_or_none(policy)
    if members is None:
        yield "retry_policy", "must be an object"
    else:
        yield from _wrong_with_policy(members)


def is_on_this_machine(carrier: Mapping[str, Any]) -> bool:
    """Whether an invocable carrier is called over plain HTTP, which only this machine can be."""
    url = carrier.get("url")
    return isinstance(url, str) and _is_secure(url) and urlsplit(url).scheme == "http"


def _wrong_with_policy(policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    attempts = policy.get("max_attempts")
    if attempts is not None and not _is_integer(attempts, 1, _MOST_ATTEMPTS):
        yield "retry_policy.max_attempts", f"must be an integer from 1 to {_MOST_ATTEMPTS}"
    backoffs = _list(policy, "backoff_seconds")
    if (
        backoffs is None
        or len(backoffs) > _MOST_BACKOFFS
        or not all(_is_integer(each, 0, _LONGEST_BACKOFF) for each in backoffs)
    ):
        yield (
            "retry_policy.backoff_seconds",
            f"must be at most {_MOST_BACKOFFS} integers from 0 to {_LONGEST_BACKOFF}",
        )
    codes = _list(policy, "retryable_status_codes")
    if (
        codes is None
        or len(codes) > _MOST_STATUS_CODES
        or not all(_is_integer(each, 0, 999) and each in _RETRYABLE for each in codes)
    ):
        yield (
            "retry_policy.retryable_status_codes",
            f"must be at most {_MOST_STATUS_CODES} of 408, 425, 429 and 500 to 599",
        )


def _list(members: Mapping[str, Any], name: str) -> list[Any] | None:
    """A member that is a list, and an empty one where it is missing; None for anything else."""
    value = members.get(name)
    return [] if value is None else list_or_none(value)


def _is_integer(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_secure(url: Any) -> bool:
    if not isinstance(url, str) or _NOT_IN_A_URL.search(url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises where it is none
    except ValueError:
        return False
    if not host or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
