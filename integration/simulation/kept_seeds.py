"""Seeds that found a fault, and what it was. They are run in every test run."""

from __future__ import annotations

from typing import Final

KEPT_SEEDS: Final[dict[int, str]] = {
    16: "a cancel whose answer was lost was told that the run is not active",
    31: "a terminate whose answer was lost was told that the run is not active",
    1634: "retention paused for as long as its unit had waited, here a month",
}
