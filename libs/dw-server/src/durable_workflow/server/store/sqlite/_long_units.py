"""Running units that take long, one after the other: prepared, staged, and then written."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from durable_workflow.server.slices import Slices
from durable_workflow.server.store.errors import StoreError
from durable_workflow.server.store.protocol import Tx
from durable_workflow.server.store.sqlite._changes import Ways
from durable_workflow.server.store.sqlite._preparing import (
    NotPreparable,
    Outdated,
    Preparation,
    PreparedTx,
    Reading,
    RunningUnits,
)
from durable_workflow.server.store.sqlite._staging import Stage
from durable_workflow.server.store.sqlite._transaction import SqliteTx

T = TypeVar("T")

# A run that is sent a signal each millisecond has changed each time: then it is run whole.
_MOST_PREPARATIONS: Final = 3


class Running(Protocol):
    """Runs a unit with pauses, in which others run no unit but are served else."""

    def __call__(self, work: Callable[[SqliteTx], Slices[T]], /) -> Awaitable[T]: ...


class LongUnits:
    """Runs units that take long, one after the other.

    Args:
        read: Runs something on a snapshot of the store.
        run: Runs a unit of the store.
        run_long: Runs a unit of the store that pauses.
        stage: Where rows are staged; None where that saves nobody from waiting.
    """

    def __init__(
        self,
        ways: Ways,
        now: Callable[[], int],
        new_id: Callable[[int], str],
        *,
        read: Reading,
        run: RunningUnits,
        run_long: Running,
        stage: Stage | None,
    ) -> None:
        self._ways = ways
        self._now = now
        self._new_id = new_id
        self._read = read
        self._run = run
        self._run_long = run_long
        self._stage = stage
        # One at a time: else each would have its slice in a turn of the loop.
        self._turn = asyncio.Lock()
        # Nobody waits for it.
        self._emptying: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[Tx], Slices[T]]) -> T:
        """Prepare a unit and run it; run it whole where it cannot be prepared."""
        async with self._turn:
            for _ in range(_MOST_PREPARATIONS):
                tx = PreparedTx(self._ways, self._now(), self._new_id)
                preparation = Preparation(work, tx)
                try:
                    await preparation.run(self._read)
                    return await self._settle(preparation)
                except NotPreparable:
                    break
                except Outdated:
                    continue
        return await self._run_long(work)

    async def _settle(self, preparation: Preparation[T]) -> T:
        """Run a unit that was prepared, with its many rows staged meanwhile.

        Raises:
            Outdated: Something that it depends on has changed since it was prepared.
        """
        stage = self._stage
        settle = functools.partial(preparation.settle, stage=stage)
        if stage is None or not preparation.puts_many():
            return await self._run_long(settle)
        try:
            await preparation.stage(stage, self._run)
            return await self._run_long(settle)
        finally:
            self._emptying = asyncio.create_task(self._empty(stage))

    async def _empty(self, stage: Stage) -> None:
        """Let go of what is staged; where that fails it goes before the next rows are staged."""
        with contextlib.suppress(StoreError):
            await self._run(stage.empty)
