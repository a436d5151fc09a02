"""Tracebacks that begin with the user's code."""

import traceback
from types import TracebackType

from durable_workflow.worker._places import OURS


def users_trace(error: BaseException) -> TracebackType | None:
    """The trace from where the user's code begins; all of it where none of that code is in it."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(OURS):
        found = found.tb_next
    return error.__traceback__ if found is None else found


def users_trace_text(error: BaseException) -> str:
    """The same as text, with the exceptions behind it."""
    return "".join(traceback.format_exception(type(error), error, users_trace(error)))


def whole_trace_text(error: BaseException) -> str:
    """The whole trace as text, with the exceptions behind it."""
    return "".join(traceback.format_exception(error))
