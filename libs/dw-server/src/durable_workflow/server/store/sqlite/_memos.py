"""What units remember for those that follow them, so that these need not read it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from durable_workflow.server.store.protocol import MemoKey

# Each is a few kilobytes at most.
_MOST: Final = 2_000


class Memos:
    """What the units that ended well have remembered; the oldest is forgotten first.

    Attributes:
        saves_space: Whether what units write should be small.
    """

    def __init__(self, *, saves_space: bool = True) -> None:
        self.saves_space = saves_space
        self._values: dict[MemoKey, object] = {}

    def get(self, key: MemoKey) -> Any:
        """What was remembered last under a key; None where that is not known."""
        return self._values.get(key)

    def keep(self, remembered: Mapping[MemoKey, object]) -> None:
        """A unit has ended well: what it has remembered holds for those that follow."""
        for key, value in remembered.items():
            self._values.pop(key, None)
            if value is not None:
                self._values[key] = value
        while len(self._values) > _MOST:
            del self._values[next(iter(self._values))]

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
