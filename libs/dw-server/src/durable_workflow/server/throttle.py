"""A bound on the part of the processor that costly peers take from the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from durable_workflow.server.slices import Slices

T = TypeVar("T")

# What arrives is read in pieces, and is costly once they have taken so long. Little never is.
_PIECE_BYTES: Final = 16 * 1024
_COSTLY_SECONDS: Final = 0.002
_CHEAP_BYTES: Final = 2048

# What is costly rests so many times as long as it took: all of it takes a fifth of the processor.
_REST: Final = 4
# Nobody rests for longer.
_LONGEST_SECONDS: Final = 10.0


class Throttle:
    """Has costly work wait, all of it in one line; what is cheap never waits for it."""

    def __init__(self) -> None:
        self._free_at = 0.0
        self._turn = asyncio.Lock()

    def rest_after(self, spent: float) -> float:
        """How long a peer is to be left alone that has cost so many seconds.

        The rest of the next one begins when that of this one ends.
        """
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + _REST * spent
        self._free_at = min(self._free_at, now + _LONGEST_SECONDS)
        return self._free_at - now

    async def run(self, work: Slices[T]) -> T:
        """Do something costly when it is its turn, with other callbacks between its slices."""
        async with self._turn:
            await asyncio.sleep(max(self._free_at - asyncio.get_running_loop().time(), 0))
            spent = 0.0
            try:
                while True:
                    began = time.thread_time()
                    try:
                        while time.thread_time() - began < _COSTLY_SECONDS:
                            next(work)
                    except StopIteration as end:
                        result: T = end.value
                        return result
                    finally:
                        spent += time.thread_time() - began
                    await asyncio.sleep(0)
            finally:
                self.rest_after(spent)


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Throttle] = WeakKeyDictionary()


class PeerCosts:
    """What the requests of one connection cost that came without waiting for an answer.

    A peer that sends one request after the other pauses between them, at least for the way there
    and back. One that sends thousands at once has the next begin when the last one ends, and would
    be served as often as all others together.
    """

    def __init__(self) -> None:
        self._spent = 0.0
        self._step_began: float | None = None

    async def run(self, work: Awaitable[object]) -> None:
        """Do something, and count the processor time that it has on the loop."""
        await _Counted(work, self)

    def rest(self) -> float:
        """How long the next request is to wait: not at all, until the last ones were costly."""
        if self._step_began is not None:
            # What was answered just now has not ended its step yet.
            self.end_step()
            self.begin_step()
        if self._spent <= _COSTLY_SECONDS:
            return 0
        spent, self._spent = self._spent, 0.0
        return _rest_after(asyncio.get_running_loop(), spent)

    def begin_step(self) -> None:
        """Something runs until it waits, or ends."""
        self._step_began = time.thread_time()

    def end_step(self) -> None:
        """It waits, or has ended."""
        assert self._step_began is not None
        self._spent += time.thread_time() - self._step_began
        self._step_began = None


class _Counted:
    """Runs an awaitable step by step, and has each counted."""

    def __init__(self, work: Awaitable[object], costs: PeerCosts) -> None:
        self._work = work
        self._costs = costs

    def __await__(self) -> Generator[Any, Any, None]:
        steps = self._work.__await__()
        error: BaseException | None = None
        while True:
            self._costs.begin_step()
            try:
                waits_for = next(steps) if error is None else steps.throw(error)
            except StopIteration:
                return
            finally:
                self._costs.end_step()
            try:
                yield waits_for
            except BaseException as raised:  # noqa: BLE001  raised in the work, whatever it is
                error = raised
            else:
                error = None


def _rest_after(loop: asyncio.AbstractEventLoop, spent: float) -> float:
    return _of_loops.setdefault(loop, Throttle()).rest_after(spent)


class RestingReader:
    """Reads from a connection, in pieces, and leaves it alone for a while when they are costly.

    Args:
        read: Takes what arrived.
        transport: What is not read from meanwhile.
        is_paused: Whether something else wants that as well.
    """

    def __init__(
        self,
        read: Callable[[bytes], None],
        transport: asyncio.Transport,
        is_paused: Callable[[], bool],
    ) -> None:
        self._read = read
        self._transport = transport
        self._is_paused = is_paused
        self._kept = b""
        self._rest: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        if self._rest is not None:
            # Whoever else pauses the connection has read on.
            self._kept += data
            self._transport.pause_reading()
        elif len(data) <= _CHEAP_BYTES:
            self._read(data)
        else:
            self._read_pieces(data)

    def close(self) -> None:
        """The connection has ended."""
        if self._rest is not None:
            self._rest.cancel()

    def _read_pieces(self, data: bytes) -> None:
        began = time.thread_time()
        for at in range(0, len(data), _PIECE_BYTES):
            self._read(data[at : at + _PIECE_BYTES])
            spent = time.thread_time() - began
            if self._transport.is_closing():
                return
            if spent > _COSTLY_SECONDS:
                self._kept = data[at + _PIECE_BYTES :]
                self._begin_rest(spent)
                return

    def _begin_rest(self, spent: float) -> None:
        loop = asyncio.get_running_loop()
        self._transport.pause_reading()
        self._rest = loop.call_later(_rest_after(loop, spent), self._go_on)

    def _go_on(self) -> None:
        self._rest = None
        kept, self._kept = self._kept, b""
        if self._transport.is_closing():
            return
        self._read_pieces(kept)
        if self._rest is None and not self._is_paused() and not self._transport.is_closing():
            self._transport.resume_reading()
