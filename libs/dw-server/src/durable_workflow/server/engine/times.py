"""Microseconds since 1970 UTC, and the two spellings of the wire."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import Final

SECOND: Final = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


# A unit of work tells its own time again and again.
@functools.lru_cache(maxsize=256)
def precise(at: int) -> str:
    """The spelling of events, leases and runs: six fractional digits and ``Z``."""
    second, microseconds = divmod(at, SECOND)
    return f"{_second(second)}.{microseconds:06}Z"


@functools.lru_cache(maxsize=256)
def _second(at: int) -> str:
    # Nearly all times that are told lie in this second, or a lease behind it.
    return (_EPOCH + timedelta(seconds=at)).isoformat(timespec="seconds")


def offset(at: int) -> str:
    """The spelling of deadlines: whole seconds and ``+00:00``."""
    return _second(at // SECOND) + "+00:00"


def precise_offset(at: int) -> str:
    """The spelling of a schedule's occurrences: six fractional digits and ``+00:00``."""
    second, microseconds = divmod(at, SECOND)
    return f"{_second(second)}.{microseconds:06}+00:00"


def precise_or_none(at: int | None) -> str | None:
    """`precise`, where there may be no time."""
    return None if at is None else precise(at)


def offset_or_none(at: int | None) -> str | None:
    """`offset`, where there may be no time."""
    return None if at is None else offset(at)


def seconds(value: float) -> int:
    """`value` seconds in microseconds."""
    return round(value * SECOND)


def in_seconds(duration: int) -> int | float:
    """A duration in seconds as the wire has it: an integer where it is whole."""
    whole, rest = divmod(duration, SECOND)
    return duration / SECOND if rest else whole
