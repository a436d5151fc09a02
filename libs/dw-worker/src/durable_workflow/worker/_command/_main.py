"""The entry of `dw-worker`: arguments in, exit code out."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from durable_workflow._commands import command
from durable_workflow.worker._command._options import WrongUse, read_options
from durable_workflow.worker._command._reload import serve_reloading
from durable_workflow.worker._command._serve import serve

_WRONG_USE: Final = 2
_INTERRUPTED: Final = 130


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Serve a task queue until a signal comes.

    Args:
        argv: Arguments; None takes those of the process.

    Returns:
        0 after draining, 1 where the worker could not serve, 2 where it was asked wrongly, 130
        where a second Ctrl-C ended it.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    try:
        options = read_options(given)
        if options.reload:
            return serve_reloading(given, Path.cwd())
        # As `python -m` has it: modules beside the reader come first.
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        return serve(options)
    except WrongUse as error:
        print(f"dw-worker: {error}", file=sys.stderr)
        return _WRONG_USE
    except KeyboardInterrupt:
        return _INTERRUPTED
