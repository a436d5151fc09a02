"""What a schedule must do: which fires start a workflow, which wait, and which are the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Between two fires of a schedule; they are at whole multiples of it since 1970.
FIRES_EVERY: Final = 10 * 86_400.0
# Fires that may wait: of one that buffers one, and of one that buffers all.
_MOST_BUFFERED: Final = {"buffer_one": 1, "buffer_all": 3}
MOST_BUFFERED: Final = _MOST_BUFFERED["buffer_all"]
# How the workflow of the fire before ends.
_ENDS: Final = {"cancel_other": "cancelled", "terminate_other": "terminated"}


@dataclass
class Schedule:
    """A schedule.

    Attributes:
        remaining: Workflows that it may still start; None is without limit.
        latest: The workflow that it started last.
        buffered: Fires that wait for the end of that one.
    """

    schedule_id: str
    overlap: str
    remaining: int | None = None
    paused: bool = False
    latest: str | None = None
    buffered: int = 0

    @property
    def is_over(self) -> bool:
        """It has started all that it may, so it is deleted."""
        return self.remaining == 0

    def fire(self, policy: str, *, running: bool) -> str:
        """Fire once: what becomes of it, in the words of a trigger's answer."""
        if self.paused:
            return "skipped"
        if running and policy == "skip":
            return "skipped"
        if running and policy in _MOST_BUFFERED:
            if self.buffered >= _MOST_BUFFERED[policy]:
                return "buffer_full"
            self.buffered += 1
            return "buffered"
        self._start()
        return "triggered"

    def fall_due(self, since: float, now: float, *, running: bool) -> int:
        """Do what fell due in a time; how many workflows that starts.

        However many times have passed in it, they are one fire.
        """
        started = 0
        if self.paused:
            return started
        if self.buffered and not running:
            self.buffered -= 1
            self._start()
            started, running = 1, True
        if int(now // FIRES_EVERY) > int(since // FIRES_EVERY) and not self.is_over:
            started += self.fire(self.overlap, running=running) == "triggered"
        return started

    def ends_other(self, policy: str) -> str | None:
        """How a fire that starts a workflow ends the open one of the fire before."""
        return _ENDS.get(policy)

    def _start(self) -> None:
        if self.remaining is not None:
            self.remaining -= 1
