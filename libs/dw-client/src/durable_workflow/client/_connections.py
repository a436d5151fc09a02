"""Connections side by side, each in a pool of its own, so that many requests in flight cost little.

httpx looks at every connection of a pool whenever a request begins or ends, and asks the system
about the idle ones. With fifty requests in flight that takes more of a worker's time than all of
our own code. In a pool of one connection there is one to look at, however many pools there are. The
pool that was used last is used first, so few connections are kept open.

Connections belong to the event loop that opened them. An object of this module serves one loop,
and the next one once that is closed: a program may call `asyncio.run` many times with one client.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType

import httpx

_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class Connections(httpx.AsyncBaseTransport):
    """An httpx transport of up to `most` connections.

    Args:
        verify: The TLS context of all connections.
        most: Requests that may be in flight at once; more wait for a slot.
        kept: Idle connections that are kept.
    """

    def __init__(self, *, verify: ssl.SSLContext, most: int, kept: int) -> None:
        self.verify = verify
        self._most = most
        self._kept = kept
        self._loop: asyncio.AbstractEventLoop | None = None
        self._slots = asyncio.Semaphore(most)
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request on an idle connection, or on a new one.

        Raises:
            RuntimeError: Another event loop, which is still open, uses this client.
        """
        self._serve_this_loop()
        slots = self._slots
        await self._take_slot(request)
        connection = self._idle.pop() if self._idle else self._open()

        async def give_back() -> None:
            await self._give_back(connection, slots)

        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await give_back()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _ReturningStream(response.stream, give_back)
        return response

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close the idle connections; those in use are closed when they are given back."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the idle connections; those in use are closed when they are given back."""
        self._forget_closed_loop()
        self._kept = 0
        while self._idle:
            await self._idle.pop().aclose()

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
            # On a closed loop a connection cannot be closed, only dropped.
            self._idle.clear()
            self._slots = asyncio.Semaphore(self._most)
            self._loop = None

    def _open(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=self.verify, limits=_ONE)

    async def _take_slot(self, request: httpx.Request) -> None:
        if not self._slots.locked():
            await self._slots.acquire()  # without the timer that waiting needs
            return
        limit = request.extensions.get("timeout", {}).get("pool")
        try:
            # `wait_for` would lose a cancellation that comes with the slot before Python 3.12.
            async with asyncio.timeout(limit):
                await self._slots.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("too many requests in flight", request=request) from error

    async def _give_back(
        self, connection: httpx.AsyncHTTPTransport, slots: asyncio.Semaphore
    ) -> None:
        slots.release()
        if slots is not self._slots:
            return  # of a loop that is closed: dropped with it
        if len(self._idle) < self._kept:
            self._idle.append(connection)
        else:
            await connection.aclose()


class _ReturningStream(httpx.AsyncByteStream):
    """A body that gives its connection back once it has been read or dropped."""

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
