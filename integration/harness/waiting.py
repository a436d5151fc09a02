"""Waiting for a condition, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool], *, within: float = 30.0
) -> T:
    """Look again and again until what is seen is wanted, and return it.

    Raises:
        AssertionError: It was not within `within` seconds; the text shows what was seen last.
    """
    deadline = time.monotonic() + within
    while True:
        # Before it is looked: what came while the machine held this up came in time.
        is_late = time.monotonic() >= deadline
        seen = await look()
        if wanted(seen):
            return seen
        assert not is_late, f"not within {within} s; last seen: {seen!r}"
        await asyncio.sleep(0.02)  # between two looks, not for a time that something takes
