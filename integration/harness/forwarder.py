"""A proxy on the way to a server that a test cuts, and that may keep WebSockets out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Forwarder:
    """Forwards bytes until it is told otherwise.

    Attributes:
        url: Where it listens.
        upgrades: How many upgrades it let through, or kept out.
        lets_upgrade: Whether it lets WebSockets through.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._pipes: set[asyncio.Task[None]] = set()
        self._is_up = True
        self.url = ""
        self.upgrades = 0
        self.lets_upgrade = True

    def cut(self) -> None:
        """Tear all connections, and take no others."""
        self._is_up = False
        for pipe in self._pipes:
            pipe.cancel()

    def mend(self) -> None:
        """Take connections again."""
        self._is_up = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        try:
            if self._is_up:
                with suppress(OSError, asyncio.IncompleteReadError):
                    await self._forward(reader, writer)
        except asyncio.CancelledError:
            pass  # cut
        finally:
            self._pipes.discard(task)
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"upgrade: websocket" in head.lower():
            self.upgrades += 1
            if not self.lets_upgrade:
                writer.write(_REFUSAL)
                await writer.drain()
                return
        server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
        try:
            server_writer.write(head)
            async with asyncio.TaskGroup() as ways:
                there = ways.create_task(_pipe(reader, server_writer))
                back = ways.create_task(_pipe(server_reader, writer))
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
                there.cancel()
                back.cancel()
        finally:
            server_writer.transport.abort()

    async def end(self) -> None:
        """Tear everything, and wait until it is."""
        self.cut()
        await asyncio.gather(*self._pipes, return_exceptions=True)


@asynccontextmanager
async def forwarder(target: str) -> AsyncGenerator[Forwarder]:
    """A proxy to `target` for the length of the block."""
    proxy = Forwarder(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
