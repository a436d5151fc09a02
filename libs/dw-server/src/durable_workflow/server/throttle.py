"""A bound on the part of the processor that costly peers take from the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

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

    async def run(self, work: Callable[[], T]) -> T:
        """Do something costly when it is its turn, one at a time."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(max(self._free_at - loop.time(), 0))
            began = time.thread_time()
            try:
                return work()
            finally:
                self.rest_after(time.thread_time() - began)


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Throttle] = WeakKeyDictionary()


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
        seconds = _of_loops.setdefault(loop, Throttle()).rest_after(spent)
        self._rest = loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._rest = None
        kept, self._kept = self._kept, b""
        if self._transport.is_closing():
            return
        self._read_pieces(kept)
        if self._rest is None and not self._is_paused() and not self._transport.is_closing():
            self._transport.resume_reading()
