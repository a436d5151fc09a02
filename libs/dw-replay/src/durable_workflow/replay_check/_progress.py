"""How far a check is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections import Counter
from typing import Final, TextIO

from durable_workflow.replay_verify import VERDICT_OK

_WIDTH: Final = 28
_SECONDS_BETWEEN_BARS: Final = 0.1
_SECONDS_BETWEEN_LINES: Final = 10.0


class Progress:
    """Shows how many runs are checked, and how many of them are not well."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        """Begin.

        Args:
            total: How many runs there are.
            stream: Where to show it (default: standard error).
        """
        self._total = total
        self._stream = stream if stream is not None else sys.stderr
        self._is_terminal = self._stream.isatty()
        self._counts: Counter[str] = Counter()
        self._events = 0
        self._began = self._shown = time.monotonic()

    def add(self, verdict: str, events: int) -> None:
        """One more run is checked."""
        self._counts[verdict] += 1
        self._events += events
        now = time.monotonic()
        between = _SECONDS_BETWEEN_BARS if self._is_terminal else _SECONDS_BETWEEN_LINES
        if now - self._shown >= between or (self._is_terminal and self._done == self._total):
            self._shown = now
            self._show(now)

    def end(self) -> None:
        """Leave the terminal clean for what is printed next."""
        if self._is_terminal and self._total:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    @property
    def _done(self) -> int:
        return self._counts.total()

    def _show(self, now: float) -> None:
        words = [f"{self._done}/{self._total} runs"]
        words += [
            f"{count} {verdict}" for verdict, count in self._counts.items() if verdict != VERDICT_OK
        ]
        seconds = now - self._began
        if seconds > 0:
            words.append(f"{self._events / seconds:,.0f} events/s")
        line = " · ".join(words)
        if self._is_terminal:
            filled = _WIDTH * self._done // max(1, self._total)
            self._stream.write(f"\r\x1b[K[{'#' * filled}{'.' * (_WIDTH - filled)}] {line}")
        else:
            self._stream.write(f"checking: {line}\n")
        self._stream.flush()
