"""Which workflow types are quick enough for the event loop, by how long their tasks took.

A task that takes long on the loop keeps all others waiting. One that takes long once says little:
on a busy machine the thread waits for the processor, or for the interpreter lock behind a thread
that waits for the processor, and a collection of cycles falls into whichever task runs. Code that
computes or blocks does so again. So each type has a debt. A slow task adds as much as many quick
ones take off; a type with too much debt leaves the loop, and comes back when it has none.
"""

import time
import weakref
from typing import Final

from durable_workflow.worker._log import log

try:
    from resource import RUSAGE_THREAD, getrusage
except ImportError:  # not on this system: then each pause of the thread may be one of the code's

    def _waits() -> int:
        return -1
else:

    def _waits() -> int:
        """How often this thread has given up the processor of its own accord."""
        return getrusage(RUSAGE_THREAD).ru_nvcsw


QUICK_SECONDS: Final = 0.02
# No machine is so busy: code that holds a thread for longer leaves the loop at once.
LONG_SECONDS: Final = 0.2
# A slow task weighs as much as so many quick ones.
QUICK_TASKS_PER_SLOW: Final = 50
# The third slow task in a row is one too many.
MOST_DEBT: Final = 2 * QUICK_TASKS_PER_SLOW
# What has left the loop needs so many quick tasks to come back.
_WAY_BACK: Final = 3 * QUICK_TASKS_PER_SLOW


class Timing:
    """Measures how long the thread that it was made in is held from now on."""

    def __init__(self) -> None:
        self._waits = _waits()
        self._processor = time.thread_time()
        self._began = time.perf_counter()

    def held_seconds(self) -> float:
        """How long the code has held the thread."""
        wall = time.perf_counter() - self._began
        if wall <= QUICK_SECONDS:
            return wall
        waits = _waits()
        has_waited = waits < 0 or waits != self._waits
        return held(wall, time.thread_time() - self._processor, has_waited=has_waited)


def held(wall: float, processor: float, *, has_waited: bool) -> float:
    """How long code has held its thread, in seconds.

    Args:
        wall: Time by the clock.
        processor: Time of the processor that the thread had.
        has_waited: Whether the thread gave the processor up of its own accord: the code may have
            blocked. Otherwise others had the processor meanwhile, which is not the code's doing.
    """
    return wall if has_waited else processor


class Pace:
    """How quick the tasks of one workflow type are.

    The threads of the pool note theirs without a lock: a note that is lost now and then does no
    harm.

    Attributes:
        is_quick: Whether they may run on the event loop.
    """

    def __init__(self, name: str) -> None:
        """Make the pace of a type that has yet to show one quick task.

        Args:
            name: The type's name, for the log.
        """
        self.is_quick = False
        self._name = name
        self._debt: float = 1

    def note(self, seconds: float) -> None:
        """Note how long a task has held its thread."""
        if seconds <= QUICK_SECONDS:
            if self._debt:
                self._debt -= 1
                self.is_quick = self.is_quick or self._debt <= 0
            return
        if not self.is_quick and self._debt == 1:
            return  # the first task of a type imports and compiles: let it try again
        most = max(self._debt, _WAY_BACK)
        self._debt = min(self._debt + QUICK_TASKS_PER_SLOW, most)
        if seconds > LONG_SECONDS:
            self._debt = most
        if self._debt > MOST_DEBT:
            self._leave(seconds)

    def note_overrun(self) -> None:
        """Note that a task was given up: the type stays away for good.

        Its next task may be in a call that never returns, and nothing could end that on the loop.
        """
        self._debt = float("inf")
        self.is_quick = False

    def _leave(self, seconds: float) -> None:
        if not self.is_quick:
            return
        self.is_quick = False
        log.info(
            "a task of workflow %s took %.0f ms, and all other tasks of the worker's event loop "
            "waited for it%s. Tasks of this workflow run in threads until they are quick again: "
            "nothing is lost, each takes a little longer. Where it is not the machine that is "
            "busy, move what computes for long or blocks into an activity",
            self._name,
            1000 * seconds,
            "" if seconds > LONG_SECONDS else ", as for others of it shortly before",
        )


_paces: weakref.WeakKeyDictionary[type, Pace] = weakref.WeakKeyDictionary()


def pace_of(workflow: type) -> Pace:
    """The pace of a workflow class, for the life of the process."""
    pace = _paces.get(workflow)
    if pace is None:
        pace = _paces.setdefault(workflow, Pace(workflow.__qualname__))
    return pace
