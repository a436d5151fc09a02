"""New runs of a queue go to one worker in a row, as long as that makes none of them wait for long.

A turn of the server's loop makes several tasks ready. Where they leave in one frame to one process,
that wakes up once, and its code stays in the processor's caches; spread over four processes they
take half as much again of its time. To spread them gains nothing while one worker is quicker than
the server is. So a row goes on while the worker has idle time and answers soon, and where it turns
out to be busy all the time, each new run goes to another worker for a while. What is better done by
one worker goes to it as long as it would be done there soon (`answers_soon`).

How long tasks take is told by the workers in their reports (`took_us`). Where they do not tell,
each new run goes to another worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from durable_workflow.server.dispatch.streams import Stream
from durable_workflow.server.notices import TaskKind

# Tasks that take longer by the mean go to another worker each.
_QUICK_SECONDS: Final = 0.005
# How long the last of what a worker has may take with those before it, by the mean.
_MOST_WAIT_SECONDS: Final = 0.1
# For how long a worker may report nothing that has something to do.
_MOST_SILENT_SECONDS: Final = 0.1
# After so long the row passes on, so that all workers get their part.
_ROW_SECONDS: Final = 1.0
# A worker that has been busy for this share of its row is too slow for all; that is judged when
# the row has lasted so long.
_BUSY_SHARE: Final = 0.85
_JUDGED_AFTER_SECONDS: Final = 0.1
# Then there are no rows for so long.
_REST_SECONDS: Final = 5.0
# What the mean begins with: nothing is known to be quick until some dozens of reports have said so.
_UNKNOWN_SECONDS: Final = 0.05
# The weight of each report in the mean.
_WEIGHT: Final = 1 / 32


class Rows:
    """Which worker of one queue is given new runs now.

    Times are seconds of one clock that is never set back.
    """

    def __init__(self) -> None:
        self._holder: Stream | None = None
        self._began_at = 0.0
        self._heard_at = 0.0
        self._busy_seconds = 0.0
        self._rests_until = 0.0
        self._means: dict[TaskKind, float] = {"workflow": _UNKNOWN_SECONDS}

    def note(self, stream: Stream, kind: TaskKind, seconds: float, now: float) -> None:
        """A worker tells how long a task of the queue has kept it busy."""
        mean = self._means.get(kind, _UNKNOWN_SECONDS)
        self._means[kind] = mean + (seconds - mean) * _WEIGHT
        if stream is self._holder:
            self._heard_at = now
            self._busy_seconds += seconds

    def forget(self, stream: Stream) -> None:
        """A worker is gone."""
        if stream is self._holder:
            self._holder = None

    def next(
        self,
        kind: TaskKind,
        streams: Sequence[Stream],
        is_able: Callable[[Stream], bool],
        now: float,
    ) -> Stream | None:
        """Who gets the next new run, if anybody may have it."""
        holder = self._holder
        if holder is not None and holder in streams and is_able(holder):
            if not holder.load():
                self._heard_at = now
            if self._is_too_busy(now):
                self._rests_until = now + _REST_SECONDS
            elif self._goes_on(holder, now):
                return holder
        able = filter(is_able, streams)
        best = min(able, key=lambda stream: stream.rank(kind), default=None)
        if best is None:
            return None  # the row goes on when somebody has a free slot again
        self._holder = best if now >= self._rests_until else None
        self._began_at = self._heard_at = now
        self._busy_seconds = 0.0
        return best

    def answers_soon(self, stream: Stream) -> bool:
        """Whether tasks are quick, and a worker would soon have done one more."""
        mean = max(self._means.values())
        return mean < _QUICK_SECONDS and (stream.load() + 1) * mean < _MOST_WAIT_SECONDS

    def _is_too_busy(self, now: float) -> bool:
        lasts = now - self._began_at
        return lasts > _JUDGED_AFTER_SECONDS and self._busy_seconds > _BUSY_SHARE * lasts

    def _goes_on(self, holder: Stream, now: float) -> bool:
        return (
            now - self._began_at < _ROW_SECONDS
            and now - self._heard_at < _MOST_SILENT_SECONDS
            and self.answers_soon(holder)
        )
