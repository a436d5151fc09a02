"""How long to wait before the next connection."""

import time
from collections.abc import Callable
from typing import Final

# As often as the server's grace needs it, and then for as long as a restart may take.
_QUICK_SECONDS: Final = 0.2
_QUICK_FOR_SECONDS: Final = 30.0
_LONGEST_SECONDS: Final = 10.0


class Pauses:
    """Before each attempt: none at first, then 200 ms for 30 s, then longer and longer."""

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        # Asked for now, not when this module was read: a simulation has a clock of its own.
        self._now = now or time.monotonic
        self._lost_at: float | None = None
        self._last = 0.0

    def is_first(self) -> bool:
        """Whether nothing was tried since the connection was lost."""
        return self._lost_at is None

    def next(self) -> float:
        """Seconds to wait."""
        if self._lost_at is None:
            self._lost_at = self._now()
            self._last = 0.0
            return 0.0
        if self._now() - self._lost_at < _QUICK_FOR_SECONDS:
            self._last = _QUICK_SECONDS
        else:
            self._last = min(_LONGEST_SECONDS, 2 * self._last)
        return self._last

    def reached(self) -> float | None:
        """There is a connection; for how many seconds there was none, or None at the first."""
        lost_at, self._lost_at = self._lost_at, None
        return None if lost_at is None else self._now() - lost_at
