"""The signals that end a worker."""

import asyncio
import os
import signal

from durable_workflow.worker._signals import first_signal


async def test_the_second_signal_ends_the_process_where_the_first_was_ignored() -> None:
    drained = asyncio.Event()
    # As a shell has it for what it starts in the background.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with first_signal(drained.set):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.wait_for(drained.wait(), 10)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
