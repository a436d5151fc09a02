"""How much is done at once, so that others wait for no more than a few milliseconds."""

from __future__ import annotations

from typing import Final

# Of the store's writer, for one batch, without writing its rows, which takes about half as much
# again. A request that comes meanwhile waits for it.
_SECONDS: Final = 0.003
_FEWEST: Final = 5
_MOST: Final = 200
_FIRST: Final = 6
# How much one batch counts in the average.
_WEIGHT: Final = 0.3


class Pace:
    """Learns from each batch how large the next one may be.

    Attributes:
        most: How many units the next batch may have.
    """

    def __init__(self) -> None:
        self.most = _FIRST
        self._average = _SECONDS / _FIRST

    def note(self, units: int, seconds: float) -> None:
        """A batch of so many units took so much of the processor, without its commit.

        By the clock, a busy machine would make batches small, and then all is slower still.
        """
        self._average += _WEIGHT * (seconds / units - self._average)
        self.most = min(max(int(_SECONDS / self._average), _FEWEST), _MOST)
