"""A proxy on the way to a server: it is cut, keeps WebSockets out, or brings bad weather."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from integration.harness.serving import serving

_REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Way:
    """One direction of a connection through the proxy.

    Attributes:
        reader: Where its bytes come from.
        writer: Where they go.
        back: The other direction.
        is_request: Whether it leads to the server.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    back: asyncio.StreamWriter
    is_request: bool

    @property
    def client(self) -> asyncio.StreamWriter:
        """Where bytes for the client go."""
        return self.back if self.is_request else self.writer

    async def pass_on(self, chunk: bytes) -> None:
        """Write, and wait until there is room for more."""
        self.writer.write(chunk)
        await self.writer.drain()


# What becomes of the bytes that pass. It returns where the connection is to be closed.
Weather = Callable[[Way, bytes], Awaitable[bool]]


async def fair(way: Way, chunk: bytes) -> bool:
    """Bytes arrive as they were sent."""
    await way.pass_on(chunk)
    return True


class Forwarder:
    """Forwards bytes until it is told otherwise.

    Attributes:
        url: Where it listens.
        upgrades: How many upgrades it let through, or kept out.
        lets_upgrade: Whether it lets WebSockets through.
        weather: What becomes of bytes from now on, also on connections that are open.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._connections: set[asyncio.Task[None]] = set()
        self._is_up = True
        self.url = ""
        self.upgrades = 0
        self.lets_upgrade = True
        self.weather: Weather = fair

    @property
    def open(self) -> int:
        """How many connections of clients there are."""
        return len(self._connections)

    def cut(self) -> None:
        """Tear all connections, and take no others."""
        self._is_up = False
        for connection in self._connections:
            connection.cancel()

    def mend(self) -> None:
        """Take connections again."""
        self._is_up = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if self._is_up:
                with suppress(OSError, asyncio.IncompleteReadError):
                    await self._forward(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # cut: what is on its way to the client is lost, too
        finally:
            self._connections.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"upgrade: websocket" in head.lower():
            self.upgrades += 1
            if not self.lets_upgrade:
                writer.write(_REFUSAL)
                await writer.drain()
                return
        server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
        there = Way(reader, server_writer, writer, is_request=True)
        back = Way(server_reader, writer, server_writer, is_request=False)
        ways: list[asyncio.Task[None]] = []
        try:
            ways = [
                asyncio.create_task(self._pipe(there, head)),
                asyncio.create_task(self._pipe(back)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            server_writer.transport.abort()  # first: at the end of the block the rest may be left
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pipe(self, way: Way, chunk: bytes = b"") -> None:
        with suppress(OSError):
            while chunk or (chunk := await way.reader.read(65_536)):
                if not await self.weather(way, chunk):
                    return
                chunk = b""


@asynccontextmanager
async def forwarder(target: str, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Forwarder]:
    """A proxy to `target` for the length of the block; with `tls` it is where encryption ends."""
    proxy = Forwarder(target)
    async with serving(proxy.serve, tls) as proxy.url:
        yield proxy
