"""A watch over the event loop: it names the activity that holds the loop, and the line.

A coroutine that computes or blocks stops everything else on the loop: polls, reports, the other
activities. Nothing can interrupt it, but somebody can be told.
"""

import asyncio
import threading
from asyncio.events import Handle
from types import CodeType, FrameType
from typing import Final

from durable_workflow.worker._log import log
from durable_workflow.worker._places import frame_of, place_of

_TICK_SECONDS: Final = 0.25
# Looks without a tick between them: about a second. Counted, and not measured, because a process
# that was stopped for a while has held nothing.
_LOOKS: Final = 4


class LoopWatch:
    """Watches the loop that it was started on.

    Args:
        attempt: Code that runs one attempt of an activity, with the attempt in its variable `task`.
        tick_seconds: Time between two looks; four without a sign of life are too many.
    """

    def __init__(self, attempt: CodeType, *, tick_seconds: float = _TICK_SECONDS) -> None:
        self._attempt = attempt
        self._tick_seconds = tick_seconds
        self._ticks = 0
        self._next: asyncio.TimerHandle | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch the loop that runs here, until `stop`."""
        if self._thread is not None:
            return
        self._tick(asyncio.get_running_loop())
        self._thread = threading.Thread(
            target=self._watch, args=(threading.get_ident(),), name="loop-watch", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the watch."""
        self._ended.set()
        if self._next is not None:
            self._next.cancel()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._ticks += 1
        self._next = loop.call_later(self._tick_seconds, self._tick, loop)

    def _watch(self, thread: int) -> None:
        seen, looks = 0, 0
        while not self._ended.wait(self._tick_seconds):
            looks = looks + 1 if seen == self._ticks else 0
            seen = self._ticks
            if looks == _LOOKS:
                self._report(frame_of(thread), looks * self._tick_seconds)

    def _report(self, frame: FrameType | None, seconds: float) -> None:
        attempt = _frame_with(self._attempt, frame)
        within = self._attempt if attempt is not None else Handle._run.__code__  # pyright: ignore[reportPrivateUsage]
        place = place_of(frame, within=within)
        if place is None:
            return  # nobody's code: the loop waits, or the process was stopped
        log.warning(
            "%s has held the event loop for more than %g s, at %s. Nothing else of this worker "
            "runs meanwhile: make it a plain `def`, which runs in a thread, or await",
            "code" if attempt is None else attempt.f_locals.get("task"),
            seconds,
            place.text,
        )


def _frame_with(code: CodeType, frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame
