"""Run a module as a program and sample its threads.

    python -m integration.benchmarks.profiled OUT -m MODULE ARGUMENTS

A timer of the system interrupts the program after every millisecond of processor time. What a
thread has used since the last look is then put down to what it is doing; a thread that waits costs
nothing. OUT gets a table per thread when the program ends: what is spent in a line itself, and what
in a function and below it. What C code does for a line (a socket, SQLite) counts there. The looks
happen in the main thread: its table is sharp, those of other threads show where they let it in.
"""

from __future__ import annotations

import atexit
import runpy
import signal
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from types import FrameType

EVERY_SECONDS = 0.001
ROWS = 45


class ThreadProfile:
    """What one thread has spent, by line and by function."""

    def __init__(self, native_id: int) -> None:
        # How Linux numbers the processor clock of a thread. `time.pthread_getcpuclockid` would
        # crash the program where the thread has just ended; this clock then is an error.
        self._clock = (~native_id << 3) | 6
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


class Sampler:
    """Looks at all threads when the timer says so."""

    def __init__(self) -> None:
        self._profiles: dict[int, ThreadProfile] = {}
        self._names: dict[int, str] = {}

    def start(self) -> None:
        """Begin; call it in the main thread."""
        signal.signal(signal.SIGPROF, self._interrupted)
        signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        main = threading.get_ident()
        # There is no public name for it; the documentation names this one for profilers.
        frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
        for thread in threading.enumerate():
            at = frame if thread.ident == main else frames.get(thread.ident or 0)
            if at is not None and thread.native_id is not None:
                self._names[thread.native_id] = thread.name
                with suppress(OSError):  # the thread has just ended
                    self._profile(thread.native_id).look(at)

    def _profile(self, native_id: int) -> ThreadProfile:
        if native_id not in self._profiles:
            self._profiles[native_id] = ThreadProfile(native_id)
        return self._profiles[native_id]

    def write(self, path: Path) -> None:
        """Stop, and write the tables, busiest thread first."""
        signal.setitimer(signal.ITIMER_PROF, 0)
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
