"""Bound the number of held requests. Further ones are refused, so memory stays bounded."""

from __future__ import annotations

from typing import Self


class TooManyWaiting(Exception):
    """As many requests are being held as may be."""


class Admission:
    """Counts what is held.

    Args:
        limit: How many may be held at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    def hold(self) -> Self:
        """Hold one more for the length of the block.

        Raises:
            TooManyWaiting: There is no room.
        """
        if self.held >= self._limit:
            raise TooManyWaiting(f"{self.held} requests are being held")
        return self

    def __enter__(self) -> None:
        self.held += 1

    def __exit__(self, *error: object) -> None:
        self.held -= 1
