"""Signals that ask the process to end, as a deployment or Ctrl-C sends them."""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from durable_workflow.worker._log import log

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def first_signal(drain: Callable[[], None]) -> Generator[None]:
    """Drain on the first SIGTERM or SIGINT, and restore the former handlers for the second.

    The second ends the process also where it was ignored before.

    Args:
        drain: Called on the event loop.

    Raises:
        ValueError: This is not the main thread, which alone gets signals.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(number: int, _: FrameType | None) -> None:
        restore()
        for each, handler in before.items():
            # A shell has what it starts in the background ignore SIGINT.
            if handler is signal.SIG_IGN:
                signal.signal(each, signal.SIG_DFL)
        log.info("draining on %s; another signal ends at once", signal.Signals(number).name)
        loop.call_soon_threadsafe(drain)

    for number in _SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
