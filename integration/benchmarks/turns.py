"""Run a module as a program and say how long the turns of its event loop take.

    python -m integration.benchmarks.turns -m MODULE ARGUMENTS

Each turn that uses more than two milliseconds of processor time is a line ``turn of N ms``. While
one lasts nobody else is served; unlike the time that others wait, it does not depend on what else
the machine does. The loop is asyncio's own, because uvloop's turns cannot be looked at.
"""

from __future__ import annotations

import re
import runpy
import sys
import time
from asyncio import events
from typing import Any

LONG_SECONDS = 0.002
SAID = re.compile(r"^turn of ([\d.]+) ms$", re.MULTILINE)


def timed(run: Any) -> Any:
    """A callback's `_run` that says how long it took, where that is long."""

    def timed_run(handle: Any) -> None:
        began = time.thread_time()
        try:
            run(handle)
        finally:
            seconds = time.thread_time() - began
            if seconds > LONG_SECONDS:
                print(f"turn of {1000 * seconds:.1f} ms", flush=True)

    return timed_run


def main() -> None:
    """Run the rest of the command line."""
    _, flag, module, *arguments = sys.argv
    if flag != "-m":
        raise SystemExit(__doc__)
    # What cannot be imported is not used.
    sys.modules["uvloop"] = None  # type: ignore[assignment]
    handle: Any = events.Handle
    handle._run = timed(handle._run)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
