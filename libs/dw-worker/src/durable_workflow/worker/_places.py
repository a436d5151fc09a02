"""Where a thread is in the code of the user: file, line and function."""

import os
import sys
import sysconfig
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType

import durable_workflow

# The only way to see where another thread is; CPython documents it for this purpose.
_frames: Callable[[], dict[int, FrameType]] = getattr(sys, "_current_frames")  # noqa: B009

# Folders of this package, each with its separator: a package beside it may begin with its name.
OURS = tuple(os.path.join(path, "") for path in durable_workflow.__path__)
_LIBRARY = os.path.join(sysconfig.get_paths()["stdlib"], "")


@dataclass(frozen=True, slots=True)
class Place:
    """Where code was found.

    Attributes:
        text: File, line and function, for messages.
        stack: The frames of the user's code, as text.
    """

    text: str
    stack: str


def frame_of(thread: int) -> FrameType | None:
    """Where a thread is."""
    return _frames().get(thread)


def place_of(frame: FrameType | None, *, within: CodeType) -> Place | None:
    """Where the user's code is; None where there is none on the stack, or `within` is not.

    Args:
        frame: Where the thread is.
        within: Code that calls the user's; what called it is left out.
    """
    stack = traceback.StackSummary() if frame is None else _stack(frame, within)
    theirs = [entry for entry in stack if not entry.filename.startswith(OURS)]
    while theirs and _is_library(theirs[0].filename):  # what started the thread
        del theirs[0]
    if not theirs:
        return None
    entered = theirs[0]
    found = [entry for entry in theirs if not _is_library(entry.filename)][-1]
    text = _line(entered)
    if found is not entered:
        text += f", in {_line(found)}"
    return Place(text, "".join(traceback.format_list(theirs)))


def _stack(frame: FrameType, within: CodeType) -> traceback.StackSummary:
    found = list(traceback.walk_stack(frame))
    begins = next((at for at, (each, _) in enumerate(found) if each.f_code is within), 0)
    return traceback.StackSummary.extract(iter(reversed(found[:begins])))


def _is_library(filename: str) -> bool:
    installed = "site-packages" in filename or "dist-packages" in filename
    return filename.startswith((_LIBRARY, "<frozen")) and not installed


def _line(entry: traceback.FrameSummary) -> str:
    line = f" ({entry.line})" if entry.line else ""
    return f"{entry.filename}:{entry.lineno} in {entry.name}{line}"
