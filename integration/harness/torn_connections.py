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

from integration.harness.serving import close, serving


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
async def torn_connections(url: str, tearing: Tearing) -> AsyncGenerator[str]:
    """Serve a proxy to `url` for the length of the block, and yield its own URL."""
    target = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await _pipe_both(reader, writer, target.hostname or "", target.port or 0, tearing)

    async with serving(serve) as proxy:
        yield proxy


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
        await close(server_writer)


async def _pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, loses: Callable[[], bool]
) -> None:
    while chunk := await reader.read(65_536):
        if loses():
            return
        writer.write(chunk)
        await writer.drain()
