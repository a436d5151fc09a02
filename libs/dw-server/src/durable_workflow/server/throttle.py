"""Peers whose requests are costly get a bounded part of the processor: others have theirs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, Generic, TypeVar
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
        # In the order in which they came.
        self._line: dict[Rest, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(self, spent: float) -> None:
        """Something has cost so many seconds: let nothing costly begin for a while."""
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + _REST * spent
        self._free_at = min(self._free_at, now + _LONGEST_SECONDS)

    def rest(self, spent: float, then: Callable[[], None]) -> Rest:
        """Have a peer rest that has cost so many seconds.

        Args:
            then: Called when it may go on, behind all others that rest already, and never in the
                same turn as another: hundreds of them together would hold the loop for seconds.
        """
        self.note(spent)
        rest = Rest(self, then)
        self._line[rest] = None
        self._look()
        return rest

    def leave(self, rest: Rest) -> None:
        """Do not call any more."""
        self._line.pop(rest, None)

    def _look(self) -> None:
        if self._line and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._free_at, self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        try:
            if self._line and now >= self._free_at:
                first = next(iter(self._line))
                del self._line[first]
                # What it costs may be known later only.
                self._free_at = now + _COSTLY_SECONDS
                first.then()
        finally:
            self._look()

    async def run(self, work: Slices[T]) -> T:
        """Do something costly when it is its turn, with other callbacks between its slices."""
        return await self._run(_Sliced(work), has_waited=False)

    async def run_if_costly(self, work: Slices[T], *, has_waited: bool = False) -> T:
        """Do something at once, or when it is its turn once it has turned out to be costly.

        Args:
            has_waited: Whether what is costly about it was done when it was its turn, and this is
                the rest of it, for which `charge` has others rest.
        """
        sliced = _Sliced(work)
        if sliced.step():
            return sliced.result
        return await self._run(sliced, has_waited=has_waited)

    async def _run(self, work: _Sliced[T], *, has_waited: bool) -> T:
        async with self._turn:
            if not has_waited:
                await asyncio.sleep(max(self._free_at - asyncio.get_running_loop().time(), 0))
            try:
                while True:
                    if work.step():
                        return work.result
                    await asyncio.sleep(0)
            finally:
                if not has_waited:
                    self.note(work.spent)

    async def charge(self, work: Awaitable[T]) -> T:
        """Do something now, and have what is costly rest for it."""
        costs = Costs()
        try:
            return await costs.run(work)
        finally:
            self.note(costs.take())


class _Sliced(Generic[T]):
    """Work that is done in slices, and what it has cost."""

    result: T

    def __init__(self, work: Slices[T]) -> None:
        self._work = work
        self.spent = 0.0

    def step(self) -> bool:
        """Do so much of it as is not costly; whether that was all."""
        began = time.thread_time()
        try:
            while True:
                next(self._work)
                if time.thread_time() - began >= _COSTLY_SECONDS:
                    return False
        except StopIteration as end:
            self.result = end.value
            return True
        finally:
            self.spent += time.thread_time() - began


class Pace:
    """How the rest of some work is done, whose beginning may have been costly.

    Args:
        has_waited: Whether it was, so that it has waited for its turn.
    """

    def __init__(self, throttle: Throttle, *, has_waited: bool) -> None:
        self._throttle = throttle
        self._has_waited = has_waited

    async def run(self, work: Slices[T]) -> T:
        """Do it, in slices if it takes long."""
        return await self._throttle.run_if_costly(work, has_waited=self._has_waited)


class Rest:
    """The rest of one peer."""

    __slots__ = ("_throttle", "then")

    def __init__(self, throttle: Throttle, then: Callable[[], None]) -> None:
        self._throttle = throttle
        self.then = then

    def cancel(self) -> None:
        """The peer has gone."""
        self._throttle.leave(self)


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Throttle] = WeakKeyDictionary()


class Costs:
    """The processor time that some work has on the loop."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._step_began: float | None = None

    async def run(self, work: Awaitable[T]) -> T:
        """Do something, and count it."""
        return await _Counted(work, self)

    def take(self) -> float:
        """Seconds since this was asked last. The work itself may ask."""
        if self._step_began is not None:
            self.end_step()
            self.begin_step()
        spent, self._spent = self._spent, 0.0
        return spent

    def begin_step(self) -> None:
        """Something runs until it waits, or ends."""
        self._step_began = time.thread_time()

    def end_step(self) -> None:
        """It waits, or has ended."""
        assert self._step_began is not None
        self._spent += time.thread_time() - self._step_began
        self._step_began = None


class PeerCosts(Costs):
    """What the requests of one connection cost that came without waiting for an answer.

    A peer that sends one request after the other pauses between them, at least for the way there
    and back. One that sends thousands at once has the next begin when the last one ends, and would
    be served as often as all others together.
    """

    _owed = 0.0

    def begin(self, then: Callable[[], None]) -> Rest | None:
        """Have the next request begin, at once or, if the last ones were costly, after a rest.

        Returns:
            The rest.
        """
        self._owed += self.take()
        if self._owed <= _COSTLY_SECONDS:
            then()
            return None
        spent, self._owed = self._owed, 0.0
        return _throttle().rest(spent, then)


class _Counted(Generic[T]):
    """Runs an awaitable step by step, and has each counted."""

    def __init__(self, work: Awaitable[T], costs: Costs) -> None:
        self._work = work
        self._costs = costs

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._work.__await__()
        error: BaseException | None = None
        while True:
            self._costs.begin_step()
            try:
                waits_for = next(steps) if error is None else steps.throw(error)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self._costs.end_step()
            try:
                yield waits_for
            except BaseException as raised:  # noqa: BLE001  raised in the work, whatever it is
                error = raised
            else:
                error = None


def _throttle() -> Throttle:
    return _of_loops.setdefault(asyncio.get_running_loop(), Throttle())


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
        self._rest: Rest | None = None

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

    def is_resting(self) -> bool:
        """Whether what arrives now is kept for later."""
        return self._rest is not None

    def close(self) -> None:
        """The connection has ended."""
        if self._rest is not None:
            self._rest.cancel()

    def _read_pieces(self, data: bytes) -> None:
        began, clock_began = time.thread_time(), time.perf_counter()
        for at in range(0, len(data), _PIECE_BYTES):
            self._read(data[at : at + _PIECE_BYTES])
            if self._transport.is_closing():
                return
            # The thread's own clock takes ten times as long to read, and is never ahead of this.
            if time.perf_counter() - clock_began <= _COSTLY_SECONDS:
                continue
            spent = time.thread_time() - began
            if spent > _COSTLY_SECONDS:
                self._kept = data[at + _PIECE_BYTES :]
                self._begin_rest(spent)
                return

    def _begin_rest(self, spent: float) -> None:
        self._transport.pause_reading()
        self._rest = _throttle().rest(spent, self._go_on)

    def _go_on(self) -> None:
        self._rest = None
        kept, self._kept = self._kept, b""
        if self._transport.is_closing():
            return
        self._read_pieces(kept)
        if self._rest is None and not self._is_paused() and not self._transport.is_closing():
            self._transport.resume_reading()
