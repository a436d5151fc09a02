"""Many requests in flight at a small price: connections side by side, each a pool of its own.

httpx looks at every connection of a pool whenever a request begins or ends, and asks the system
about the idle ones. With fifty requests in flight that is most of what a request costs: of a busy
worker's time, more than all of our own code. A lane is a pool of one connection, so a look at it
costs the same however many lanes there are; the lane that was free last is used first, so that as
few connections as possible are kept warm.

Connections belong to the event loop that opened them. Lanes therefore serve one loop, and the next
one once that is closed: a program may call `asyncio.run` many times with one client.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType

import httpx

_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class Lanes(httpx.AsyncBaseTransport):
    """An httpx transport of up to `most` connections.

    Args:
        verify: The TLS context of all connections.
        most: Requests that may be in flight at once; more wait for their turn.
        kept: Idle lanes that are kept.
    """

    def __init__(self, *, verify: ssl.SSLContext, most: int, kept: int) -> None:
        self._verify = verify
        self._most = most
        self._kept = kept
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns = asyncio.Semaphore(most)
        self._free: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request on a lane that is free.

        Raises:
            RuntimeError: Another event loop, which is still open, uses this client.
        """
        self._serve_this_loop()
        turns = self._turns
        await self._turn(request)
        lane = self._free.pop() if self._free else self._open()

        async def give_back() -> None:
            await self._give_back(lane, turns)

        try:
            response = await lane.handle_async_request(request)
        except BaseException:
            await give_back()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Returning(response.stream, give_back)
        return response

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close the idle lanes; those in use close when they are given back."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the idle lanes; those in use close when they are given back."""
        self._forget_closed_loop()
        self._kept = 0
        while self._free:
            await self._free.pop().aclose()

    def _serve_this_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._forget_closed_loop()
            if self._loop is not None:
                raise RuntimeError(
                    "this client is in use on another event loop: make a client for each loop"
                )
            self._loop = loop

    def _forget_closed_loop(self) -> None:
        if self._loop is not None and self._loop.is_closed():
            # Without aclose(): on a closed loop a connection cannot be closed, only dropped.
            self._free.clear()
            self._turns = asyncio.Semaphore(self._most)
            self._loop = None

    def _open(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=self._verify, limits=_ONE)

    async def _turn(self, request: httpx.Request) -> None:
        if not self._turns.locked():
            await self._turns.acquire()  # at once, without the timer that waiting needs
            return
        limit = request.extensions.get("timeout", {}).get("pool")
        try:
            # Not `wait_for`: before Python 3.12 it loses a cancellation that comes with the turn.
            async with asyncio.timeout(limit):
                await self._turns.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("too many requests in flight", request=request) from error

    async def _give_back(self, lane: httpx.AsyncHTTPTransport, turns: asyncio.Semaphore) -> None:
        turns.release()
        if turns is not self._turns:
            return  # left over from a loop that is closed, and cleared away with it
        if len(self._free) < self._kept:
            self._free.append(lane)
        else:
            await lane.aclose()


class _Returning(httpx.AsyncByteStream):
    """A body that gives its lane back once it has been read or dropped."""

    def __init__(
        self, stream: httpx.AsyncByteStream, give_back: Callable[[], Awaitable[None]]
    ) -> None:
        self._stream = stream
        self._give_back: Callable[[], Awaitable[None]] | None = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is None:
            return
        try:
            await self._stream.aclose()
        finally:
            await give_back()
