"""What a server remembers of queues that are given out fairly: hints, which the store corrects."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

# Queues are named by callers: beyond so many nothing is remembered.
_MOST: Final = 10_000


class FairQueues:
    """Which queues count their fairness classes, and how far a search among many has come."""

    def __init__(self) -> None:
        self._counted: dict[Hashable, bool] = {}
        self._places: dict[Hashable, str] = {}

    def are_counted(self, key: Hashable) -> bool | None:
        """Whether the classes of a queue are counted; None where that is not known."""
        return self._counted.get(key)

    def note_counted(self, key: Hashable, *, counted: bool) -> None:
        """Remember whether the classes of a queue are counted."""
        if len(self._counted) >= _MOST:
            self._counted.clear()
        self._counted[key] = counted

    def place(self, key: Hashable) -> str:
        """The class behind which the next search begins."""
        return self._places.get(key, "")

    def move_place(self, key: Hashable, name: str) -> None:
        """Begin the next search behind a class."""
        if len(self._places) >= _MOST:
            self._places.clear()
        self._places[key] = name
