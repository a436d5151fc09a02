"""Run a module as a program and sample its threads.

    python -m integration.benchmarks.profiled OUT -m MODULE ARGUMENTS

Every few milliseconds the stack of each thread is looked at, and the processor time that the thread
has used since the last look is put down to what it is doing: a thread that waits costs nothing. OUT
gets a table per thread when the program ends: what is spent in a line itself, and what in a function
and below it. What C code does on behalf of a line (a socket, SQLite, the event loop) counts there.
"""

from __future__ import annotations

import atexit
import runpy
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import FrameType

EVERY_SECONDS = 0.002
ROWS = 45


class ThreadProfile:
    """What one thread has spent, by line and by function."""

    def __init__(self, ident: int) -> None:
        self._clock = time.pthread_getcpuclockid(ident)
        self._seen = time.clock_gettime(self._clock)
        self.total = self._seen
        self.lines: dict[str, float] = defaultdict(float)
        self.functions: dict[str, float] = defaultdict(float)

    def look(self, frame: FrameType) -> None:
        """Put down what was spent since the last look to where the thread is now."""
        now = time.clock_gettime(self._clock)
        spent, self._seen, self.total = now - self._seen, now, now
        if spent <= 0:
            return
        self.lines[f"{_function(frame)}:{frame.f_lineno}"] += spent
        at: FrameType | None = frame
        seen: set[str] = set()
        while at is not None:
            seen.add(_function(at))
            at = at.f_back
        for name in seen:
            self.functions[name] += spent

    def table(self, name: str) -> list[str]:
        """Return the table as lines of text."""
        lines = [f"thread {name}: {self.total:.2f} s of processor time", ""]
        for title, spent in (
            ("in it and below", self.functions),
            ("in the line itself", self.lines),
        ):
            lines += [f"  {title}: percent of the thread's time"]
            most = sorted(spent.items(), key=lambda item: -item[1])[:ROWS]
            lines += [f"  {100 * each / self.total:6.1f}  {where}" for where, each in most]
            lines += [""]
        return lines


class Sampler(threading.Thread):
    """Looks at all threads but itself."""

    def __init__(self) -> None:
        super().__init__(name="sampler", daemon=True)
        self._over = threading.Event()
        self._profiles: dict[int, ThreadProfile] = {}
        self._names: dict[int, str] = {}

    def run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            alive = {thread.ident: thread.name for thread in threading.enumerate()}
            # There is no public name for it; the documentation names this one for profilers.
            frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
            for ident, frame in frames.items():
                if ident != self.ident and ident in alive:
                    self._names[ident] = alive[ident]
                    self._profile(ident).look(frame)

    def _profile(self, ident: int) -> ThreadProfile:
        if ident not in self._profiles:
            self._profiles[ident] = ThreadProfile(ident)
        return self._profiles[ident]

    def write(self, path: Path) -> None:
        """Stop, and write the tables, busiest thread first."""
        self._over.set()
        busiest = sorted(self._profiles.items(), key=lambda item: -item[1].total)
        lines = [line for ident, each in busiest for line in each.table(self._names[ident])]
        path.write_text("\n".join(lines))


def _shown(filename: str) -> str:
    parts = Path(filename).parts
    for anchor in ("durable_workflow", "site-packages"):
        if anchor in parts:
            return "/".join(parts[parts.index(anchor) :]).removeprefix("site-packages/")
    return "/".join(parts[-2:])


def _function(frame: FrameType) -> str:
    return f"{_shown(frame.f_code.co_filename)}:{frame.f_code.co_qualname}"


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
