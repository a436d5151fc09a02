"""Holding a batch open for a moment, for the unit that is about to follow it.

A workflow task that was sent before its commit is mostly answered within a millisecond: committed
with what made it ready, the answer costs no sync of its own. Only a single unit that nobody waits
for is held, and only where such tasks are all that comes of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from durable_workflow.server.notices import (
    DueAt,
    Notice,
    RunAwaited,
    RunProgressed,
    TaskDropped,
)
from durable_workflow.server.store.sqlite._batch import Batch

# Replay of a few events and both ways take one.
_LONGEST_SECONDS: Final = 0.002
# A timer may end so much early, as sums of seconds are rounded; a clock that goes on only while
# nobody has anything to do, as a simulation's, would not go on before that was over.
_ROUNDING_SECONDS: Final = 1e-6
# What has arrived by then becomes a unit within so many turns of the loop.
_TURNS: Final = 3
# That an attempt is over is mostly known to its worker: it was its report.
_MAY_WAIT: Final = frozenset({DueAt, RunAwaited, TaskDropped})


class Hold:
    """The batch that is held, where one is.

    Args:
        clock: In seconds, and never set back.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        # Asked for now, not when this module was read: a simulation has a clock of its own.
        self._clock = clock or time.perf_counter
        self._held: tuple[Batch, asyncio.Handle] | None = None

    def begin(
        self, loop: asyncio.AbstractEventLoop, batch: Batch, then: Callable[[Batch], None]
    ) -> None:
        """Hold a batch. Unless `end` is called in time, `then` is called with it."""
        until = self._clock() + _LONGEST_SECONDS
        handle = loop.call_later(_LONGEST_SECONDS, self._look, loop, until, _TURNS, then)
        self._held = batch, handle

    # A method: a function of `begin` that names itself would keep the batch, and all that its units
    # were sent, until cycles are collected.
    def _look(
        self,
        loop: asyncio.AbstractEventLoop,
        until: float,
        left: int,
        then: Callable[[Batch], None],
    ) -> None:
        assert self._held is not None  # else the handle was cancelled
        batch, _ = self._held
        if self._clock() >= until - _ROUNDING_SECONDS:
            left -= 1
        if left < 0:
            self._held = None
            then(batch)
        else:
            # uvloop counts whole milliseconds: its timer may end a millisecond early.
            self._held = batch, loop.call_soon(self._look, loop, until, left, then)

    def end(self) -> Batch | None:
        """Hold nothing any more; what was held, which is the caller's to commit."""
        if self._held is None:
            return None
        batch, handle = self._held
        self._held = None
        handle.cancel()
        return batch


def may_be_held(batch: Batch, left: Sequence[Notice]) -> bool:
    """Whether nobody waits for a batch that has sent tasks already.

    Args:
        left: The notices that wait for its commit.
    """
    return len(batch.units) == 1 and batch.units[0].unhurried and all(map(_may_wait, left))


def _may_wait(notice: Notice) -> bool:
    if type(notice) is RunProgressed:
        return not notice.closed
    return type(notice) in _MAY_WAIT
