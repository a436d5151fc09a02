"""Run a module as a program and sample its threads.

    python -m integration.benchmarks.profiled OUT -m MODULE ARGUMENTS

Every few milliseconds the stack of each thread is looked at, the one that samples aside. What waits
(for a socket, a lock, a queue) is counted as idle. OUT gets a table per thread when the program
ends: where time is spent in a function itself, and where it is spent in it and below.
"""

from __future__ import annotations

import atexit
import runpy
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_SECONDS = 0.002
WAITING = {
    ("selectors.py", "select"),
    ("threading.py", "wait"),
    ("threading.py", "acquire"),
    ("threading.py", "_wait_for_tstate_lock"),
    ("queue.py", "get"),
    ("thread.py", "_worker"),
}


class Sampler(threading.Thread):
    """Counts functions by thread, on top of the stack and anywhere in it."""

    def __init__(self) -> None:
        super().__init__(name="sampler", daemon=True)
        self._over = threading.Event()
        self._samples: Counter[str] = Counter()
        self._idle: Counter[str] = Counter()
        self._own: dict[str, Counter[str]] = {}
        self._below: dict[str, Counter[str]] = {}

    def run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                if ident != self.ident:
                    self._count(names.get(ident, "?"), frame)

    def _count(self, thread: str, frame: FrameType) -> None:
        self._samples[thread] += 1
        top = frame.f_code
        if (Path(top.co_filename).name, top.co_name) in WAITING:
            self._idle[thread] += 1
            return
        self._own.setdefault(thread, Counter())[_line(frame)] += 1
        seen: set[str] = set()
        at: FrameType | None = frame
        while at is not None:
            seen.add(_function(at))
            at = at.f_back
        self._below.setdefault(thread, Counter()).update(seen)

    def write(self, path: Path) -> None:
        """Stop, and write the tables."""
        self._over.set()
        lines: list[str] = []
        for thread, samples in self._samples.most_common():
            busy = samples - self._idle[thread]
            if busy == 0:
                continue
            lines += [f"thread {thread}: busy in {busy} of {samples} samples", ""]
            for title, counts in (
                ("in it and below", self._below.get(thread, Counter())),
                ("in the line itself", self._own.get(thread, Counter())),
            ):
                lines += [f"  {title}, percent of busy"]
                lines += [
                    f"  {100 * count / busy:6.1f}  {name}" for name, count in counts.most_common(45)
                ]
                lines += [""]
        path.write_text("\n".join(lines))


def _shown(filename: str) -> str:
    parts = Path(filename).parts
    for anchor in ("durable_workflow", "site-packages"):
        if anchor in parts:
            return "/".join(parts[parts.index(anchor) :]).removeprefix("site-packages/")
    return "/".join(parts[-2:])


def _function(frame: FrameType) -> str:
    return f"{_shown(frame.f_code.co_filename)}:{frame.f_code.co_qualname}"


def _line(frame: FrameType) -> str:
    return f"{_function(frame)}:{frame.f_lineno}"


def main() -> None:
    """Sample the rest of the command line."""
    _, out, flag, module, *arguments = sys.argv
    if flag != "-m":
        raise SystemExit(__doc__)
    sampler = Sampler()
    atexit.register(sampler.write, Path(out))
    sampler.start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
