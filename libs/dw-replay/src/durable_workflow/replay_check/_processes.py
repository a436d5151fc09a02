"""Checking in several processes, each of which may be lost without losing the check.

Code of the build that is checked runs in them. It may loop for ever, end the process or crash it;
then that run has failed, and another process takes the next one.
"""

import contextlib
import multiprocessing
import pickle
import signal
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from durable_workflow.replay_check._report import RunReport
from durable_workflow.replay_check._sources import Unit
from durable_workflow.replay_check._work import Setup, Work
from durable_workflow.replay_verify import REASON_REPLAY_ERROR, VERDICT_FAILED

# New interpreters, so that nothing of this one is in them, neither threads nor imported modules.
_CONTEXT: Final = multiprocessing.get_context("spawn")
_GRACE_SECONDS: Final = 2.0
_LOADING_SECONDS: Final = 60.0


class SetupFailed(Exception):
    """A process cannot load what it needs; the text says why."""


@dataclass(slots=True)
class _Place:
    """One process, and what it is at.

    Attributes:
        ready: It has loaded the workflows.
        number: The number of the unit.
        began: When it took the unit, on the monotonic clock.
    """

    process: BaseProcess
    pipe: Connection
    ready: bool = False
    unit: Unit | None = None
    number: int = -1
    began: float = 0.0


class Processes:
    """A few processes that check units."""

    def __init__(self, setup: Setup, count: int, timeout: float | None) -> None:
        """Start the processes.

        Args:
            setup: What each is given.
            count: How many, at least 1.
            timeout: Seconds that one run may take; None is no limit.
        Raises:
            ValueError: The workflows cannot be sent to another process.
        """
        try:
            pickle.dumps(setup)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(
                "workflow classes can only be checked in other processes where those can import "
                f"them ({error}): name them as 'module:attribute', or give processes=0"
            ) from error
        self._setup = setup
        self._timeout = timeout
        self._places = [self._start() for _ in range(count)]

    def check(self, units: Iterable[Unit]) -> Generator[tuple[int, RunReport], None, None]:
        """Check units; yields the number of each with its report, as they are finished.

        Raises:
            SetupFailed: A process cannot load the workflows.
        """
        queue = deque(enumerate(units))
        for place in self._places:
            self._give(place, queue)
        while any(place.unit is not None for place in self._places):
            for place in self._at_work():
                finished = self._finished(place)
                if finished is None:
                    continue
                number, place.unit = place.number, None
                self._give(place, queue)
                yield number, finished

    def close(self) -> None:
        """End all processes; those that are at work, because the check was broken off, at once."""
        idle = [place for place in self._places if place.unit is None]
        for place in idle:
            with contextlib.suppress(OSError):
                place.pipe.send(None)
        for place in self._places:
            if place in idle:
                place.process.join(_GRACE_SECONDS)
            self._kill(place)

    def _start(self) -> _Place:
        ours: Any
        theirs: Any
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_work, args=(self._setup, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Place(process, ours)

    def _give(self, place: _Place, queue: "deque[tuple[int, Unit]]") -> None:
        if not queue:
            return
        if not place.process.is_alive():
            fresh = self._start()
            place.process, place.pipe, place.ready = fresh.process, fresh.pipe, False
        place.number, place.unit = queue.popleft()
        place.began = time.monotonic()
        with contextlib.suppress(OSError):  # it is dead: the next look at it finds that
            place.pipe.send(place.unit)

    def _at_work(self) -> list[_Place]:
        """Processes that have something to say, or that should have had by now."""
        busy = [place for place in self._places if place.unit is not None]
        longest = None
        if self._timeout is not None:
            ends = min(place.began + (self._limit_of(place) or 0) for place in busy)
            longest = max(0.0, ends - time.monotonic())
        speaking = wait([place.pipe for place in busy], longest)
        now = time.monotonic()
        return [place for place in busy if place.pipe in speaking or self._is_late(place, now)]

    def _is_late(self, place: _Place, now: float) -> bool:
        limit = self._limit_of(place)
        return limit is not None and now - place.began >= limit

    def _limit_of(self, place: _Place) -> float | None:
        """Seconds that what a process is at may take: loading the workflows has its own time."""
        if self._timeout is None or place.ready:
            return self._timeout
        return self._timeout + _LOADING_SECONDS

    def _finished(self, place: _Place) -> RunReport | None:
        """The report of a process; of one that was lost or is late one that says so."""
        if place.pipe.poll():
            try:
                said: Any = place.pipe.recv()
            except (EOFError, OSError):
                return self._lost(place)
            if isinstance(said, RunReport):
                return said
            if isinstance(said, str):
                raise SetupFailed(said)
            place.ready, place.began = True, time.monotonic()
            return None
        if not self._is_late(place, time.monotonic()):
            return None
        self._kill(place)
        if not place.ready:
            raise SetupFailed("a process was still loading the workflows when its time was over")
        return _failed(place, f"the replay took longer than {self._timeout:g} s and was ended")

    def _lost(self, place: _Place) -> RunReport:
        place.process.join(_GRACE_SECONDS)
        code = place.process.exitcode
        self._kill(place)
        if not place.ready:
            raise SetupFailed(f"a process ended while it loaded the workflows: exit code {code}")
        how = f"exit code {code}" if code is None or code >= 0 else signal.strsignal(-code)
        return _failed(place, f"the process that replayed it ended: {how}")

    def _kill(self, place: _Place) -> None:
        if place.process.is_alive():
            place.process.kill()
            place.process.join()
        place.pipe.close()


def _failed(place: _Place, message: str) -> RunReport:
    label = place.unit.label if place.unit is not None else ""
    return RunReport(label, VERDICT_FAILED, REASON_REPLAY_ERROR, message)


def _work(setup: Setup, pipe: Connection) -> None:
    """What a process runs."""
    # Ctrl-C reaches all processes of a terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout = sys.stderr  # what workflows print must not stand among the report
    try:
        work = Work(setup)
    except Exception as error:  # noqa: BLE001 (told to the first process)
        pipe.send(str(error))
        return
    pipe.send(True)
    try:
        while (unit := pipe.recv()) is not None:
            pipe.send(work.check(unit))
    except (EOFError, OSError):
        return  # the first process is gone
    finally:
        work.close()
