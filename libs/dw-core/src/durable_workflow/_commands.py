"""What every command of the wheels does beside its work: it has its standard streams, and ends
quietly where nobody reads what it prints."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Final, ParamSpec

_P = ParamSpec("_P")

_MODES: Final = {"stdin": "r", "stdout": "w", "stderr": "w"}
# What a shell says of a program that SIGPIPE has ended.
READER_LEFT: Final = 141


def command(main: Callable[_P, int]) -> Callable[_P, int]:
    """A command that opens the standard streams that are closed, and whose reader may leave.

    Where something else got the descriptor of a closed one, what is printed would be written
    into it. A reader that has seen enough, as `head`, is no failure: the status is then that of
    any program that writes to it, and nothing is said.
    """

    @functools.wraps(main)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> int:
        _open_closed_streams()
        try:
            try:
                return main(*args, **kwargs)
            finally:
                _flush()  # also where argparse has shown its help and ends the program
        except BrokenPipeError:
            _write_no_more()
            return READER_LEFT

    return run


def _open_closed_streams() -> None:
    for number, (name, mode) in enumerate(_MODES.items()):
        try:
            os.fstat(number)
        except OSError:
            # It gets the lowest number that is free: those below are open by now.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _flush() -> None:
    if sys.stdout.closed:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError:
        # The interpreter flushes again when it ends, and has a message and a status for this.
        pass


def _write_no_more() -> None:
    # The interpreter flushes once more when it ends, and would complain.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
