"""Where a process has its time and its randomness from, for as long as a seed runs.

The server is handed a clock and ids. Clients and workers read the process's own, as the standard
library does for them; a simulated process has those of the simulation.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import sys
import time
import warnings
from collections.abc import Callable, Generator
from typing import Any, Final

# 2026-01-01 UTC, where the loop's clock is at 0.
EPOCH: Final = 1_767_225_600
_SECONDS: Final = ("monotonic", "perf_counter", "thread_time", "process_time")


@contextlib.contextmanager
def replaced(*values: tuple[Any, str, object]) -> Generator[None]:
    """Have other values under some names: whose they are, the name, and the value."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in values]
    for owner, name, value in values:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


@contextlib.contextmanager
def simulated_sources(seed: int, now: Callable[[], float]) -> Generator[None]:
    """Take time from `now`, and randomness from the seed, in the whole process."""
    dice = random.Random(f"system {seed}")
    values: list[tuple[Any, str, object]] = [
        (time, "time", lambda: EPOCH + now()),
        (time, "time_ns", lambda: int((EPOCH + now()) * 1e9)),
        (os, "urandom", dice.randbytes),
        # `random.SystemRandom`, and with it `secrets`, has a name of its own for it.
        (random, "_urandom", dice.randbytes),
    ]
    for name in _SECONDS:
        values += [(time, name, now), (time, f"{name}_ns", lambda: int(now() * 1e9))]
    # Who is collected when is no matter of the seed; cycles go at the end of the run.
    collects = gc.isenabled()
    gc.disable()
    state = random.getstate()
    random.seed(seed)
    try:
        with replaced(*values):
            yield
    finally:
        random.setstate(state)
        if collects:
            gc.enable()


def _ignore(_: object) -> None:
    pass


@contextlib.contextmanager
def burial() -> Generator[None]:
    """Unwind what killed processes have left quietly: their `finally` has nowhere to run."""
    hook, sys.unraisablehook = sys.unraisablehook, _ignore
    # What was there before is not looked through.
    gc.freeze()
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # What a `finally` has made is garbage too, and nobody looks for it in a later seed.
            while gc.collect():
                pass
        gc.unfreeze()
        sys.unraisablehook = hook
        logging.disable(logging.NOTSET)
