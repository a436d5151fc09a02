"""A proxy on the way to a server that tears connections: before a request, or before its answer.

What a peer cannot know then is whether the server did what it was asked. Everything that it sends
again must be answered again and done once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Tearing:
    """How often connections are torn, and how often they were.

    Attributes:
        dice: Where chance comes from; one seed gives one sequence of decisions.
        before: Share of chunks towards the server that are dropped with their connection.
        after: Share of chunks from the server that are.
    """

    dice: random.Random
    before: float
    after: float
    requests_lost: int = 0
    answers_lost: int = 0

    def loses_request(self) -> bool:
        lost = self.dice.random() < self.before
        self.requests_lost += lost
        return lost

    def loses_answer(self) -> bool:
        lost = self.dice.random() < self.after
        self.answers_lost += lost
        return lost


@asynccontextmanager
async def torn_connections(url: str, tearing: Tearing) -> AsyncGenerator[str, None]:
    """Serve a proxy to `url` for the length of the block, and yield its own URL."""
    target = urlsplit(url)
    open_pipes: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_pipes.add(task)
        try:
            with suppress(OSError):
                await _pipe_both(reader, writer, target.hostname or "", target.port or 0, tearing)
        finally:
            open_pipes.discard(task)
            await _close(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()
        await asyncio.sleep(0)  # what was accepted just now has begun
        for task in list(open_pipes):
            task.cancel()
        await asyncio.gather(*open_pipes, return_exceptions=True)


async def _pipe_both(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    port: int,
    tearing: Tearing,
) -> None:
    server_reader, server_writer = await asyncio.open_connection(host, port)
    try:
        ways = [
            asyncio.ensure_future(_pipe(reader, server_writer, tearing.loses_request)),
            asyncio.ensure_future(_pipe(server_reader, writer, tearing.loses_answer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    finally:
        await _close(server_writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and wait until it is: the event loop may end at once."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def _pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, loses: Callable[[], bool]
) -> None:
    while chunk := await reader.read(65_536):
        if loses():
            return
        writer.write(chunk)
        await writer.drain()
