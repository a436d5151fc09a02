"""Seeds that found a fault, and what it was. They are run in every test run.

A change of the simulation makes other runs of them: then seeds are sought that find it again.
"""

from __future__ import annotations

from typing import Final

KEPT_SEEDS: Final[dict[int, str]] = {
    6: "a cancel whose answer was lost was told that the run is not active",
    50: "a terminate whose answer was lost was told that the run is not active",
    2480: "a batch was held for ever, as the clock stood a rounding before the end of its time",
}
