"""Python's collector of reference cycles, set up for a process that serves for a long time."""

import gc
from typing import Final

# Objects made and not freed before the collector looks at the young ones; Python's own number is
# 700 in most versions. Requests and tasks leave almost no cycles behind.
_YOUNG: Final = 10_000


def collect_rarely() -> None:
    """Leave what is loaded by now out of all collections, and collect what comes less often.

    For a program of ours, once it has loaded what it needs. A program that only uses the library
    decides on its own.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
