"""Telling Ctrl-C from code that raises `KeyboardInterrupt` itself.

Python raises it in whatever the main thread runs at the moment, which may be user code on the event
loop. That code did not fail, so neither does its task: the process ends.
"""

import dis
import functools
import inspect
import signal
import threading
from types import CodeType
from typing import Final

_RAISE: Final = dis.opmap["RAISE_VARARGS"]


def is_ctrl_c(error: BaseException | None) -> bool:
    """Whether a signal handler raised this in the main thread, and no `raise` of the code there."""
    if not isinstance(error, KeyboardInterrupt):
        return False
    if threading.current_thread() is not threading.main_thread():
        return False
    handler = _handler_code()
    place: tuple[CodeType, int] | None = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is handler:
            return True
        place = trace.tb_frame.f_code, trace.tb_lasti
        trace = trace.tb_next
    if place is None:
        return False
    # The handler of Python itself has no frame: the signal is seen between two instructions.
    code, instruction = place
    return code.co_code[instruction] != _RAISE


def _handler_code() -> CodeType | None:
    """The code of the handler of SIGINT, where that is written in Python."""
    handler = signal.getsignal(signal.SIGINT)
    while isinstance(handler, functools.partial):
        handler = handler.func
    return getattr(inspect.unwrap(handler) if callable(handler) else None, "__code__", None)
