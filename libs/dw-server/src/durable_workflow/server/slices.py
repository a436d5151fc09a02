"""Work that takes long and can be paused: generators that yield where others may have a turn."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")
# Members of a list or an object that are looked at between two pauses.
SLICE: Final = 500
# Yields nothing; what it returns is the result.
Slices: TypeAlias = Generator[None, None, T]


def run_through(work: Slices[None]) -> None:
    """Do all of it now, where it has no result: what is returned travels as an exception."""
    for _ in work:
        pass


def at_once(work: Slices[T]) -> T:
    """Do all of it now."""
    try:
        while True:
            next(work)
    except StopIteration as end:
        result: T = end.value
        return result
