"""Warnings that show the line of the caller."""

import inspect
import warnings
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Final

_PACKAGE: Final = str(Path(__file__).parents[1])

# Set by blocking clients, whose calls run in another thread: there the caller is on no stack.
CALLER: Final[ContextVar[FrameType | None]] = ContextVar("durable_workflow_caller", default=None)


def warn_caller(message: str) -> None:
    """Warn of something deprecated, with the line of the nearest frame outside this package."""
    frame = CALLER.get()
    if frame is not None:
        warnings.warn_explicit(
            message,
            DeprecationWarning,
            frame.f_code.co_filename,
            frame.f_lineno,
            module=frame.f_globals.get("__name__"),
            registry=frame.f_globals.setdefault("__warningregistry__", {}),
        )
        return
    depth, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, DeprecationWarning, stacklevel=depth)
