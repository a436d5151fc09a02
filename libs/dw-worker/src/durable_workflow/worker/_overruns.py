"""Code that holds its thread for longer than the limit: found, named and interrupted.

An exception is raised inside the thread. It ends a loop at its next bytecode; a blocking call
delays it until the call returns. A call that never releases the interpreter lock stops the whole
process, watchdogs included. Nothing in Python can interrupt that.
"""

import contextlib
import ctypes
import threading
from types import FrameType, FunctionType
from typing import Any, Final, cast

from durable_workflow.worker._code_runs import CodeRun
from durable_workflow.worker._places import place_of

_CHECKS_PER_LIMIT = 8
_LONGEST_CHECK_SECONDS = 0.25
# Code that catches BaseException in a loop swallows the first interruption, and perhaps the next.
INTERRUPTIONS = 5


class CodeInterrupted(BaseException):
    """Raised by the watchdog inside the code that overran."""


class CodeOverran(Exception):
    """User code held its thread for longer than the limit.

    Attributes:
        stack: Where it was found, as text.
    """

    def __init__(self, message: str, stack: str) -> None:
        super().__init__(message)
        self.stack = stack


def check_pause(limit: float) -> float:
    """Seconds between two looks of a watchdog."""
    return min(_LONGEST_CHECK_SECONDS, limit / _CHECKS_PER_LIMIT)


def interrupt(thread: int, run: CodeRun[Any]) -> None:
    """Raise `CodeInterrupted` in a thread, at its next bytecode."""
    run.interruptions += 1
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(CodeInterrupted)
    )


def inject(run: CodeRun[Any]) -> None:
    """Say that the interruption of a run is on its way."""
    assert run.injected is not None
    run.injected.set()


def revoke_interruption() -> None:
    """Have nothing come any more of what `interrupt` has not raised yet in this thread.

    It is replaced by one that is raised here. To take it back with null would leave Python 3.11
    looking for it for ever: slowly, and without end once a profiler or a tracer is set.
    """
    with contextlib.suppress(CodeInterrupted):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(threading.get_ident()), ctypes.py_object(CodeInterrupted)
        )
        while True:  # it comes at the next bytecode that jumps back
            pass


# What calls the user's code.
_EXECUTE: Final = cast("FunctionType", CodeRun[Any].execute).__code__


def describe(frame: FrameType | None, limit: float) -> CodeOverran:
    """The error of code that was found there."""
    place = place_of(frame, within=_EXECUTE)
    at = "an unknown place" if place is None else place.text
    return CodeOverran(
        f"workflow code ran for more than {limit:g} s without yielding, at {at}",
        "" if place is None else place.stack,
    )
