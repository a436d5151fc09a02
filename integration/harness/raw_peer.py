"""A server of raw bytes: it answers every request with the same ones, and remembers what came."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from integration.harness.serving import serving

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-Given: yes\r\n\r\n{"ok":true}'
# As proxies send, with a policy of content or a cookie.
LONG_HEADER = OK.replace(b"yes", b"x" * 60_000)


class Peer:
    """Answers every request with some bytes, and remembers what came."""

    def __init__(self, answer: bytes = OK) -> None:
        self.answer = answer
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.url = ""
        self.served: set[asyncio.Task[None]] = set()
        self.asked = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.served.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.heads.append(head)
                length = [line for line in head.lower().split("\r\n") if "content-length" in line]
                size = int(length[0].partition(":")[2]) if length else 0
                self.bodies.append(await reader.readexactly(size))
                self.asked.set()
                if not self.answer:
                    return
                writer.write(self.answer)
                if not self.answer.endswith(b"}"):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return


@asynccontextmanager
async def listening(peer: Peer, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Peer]:
    async with serving(peer.serve, tls) as peer.url:
        yield peer
        await asyncio.gather(*peer.served)  # the client has closed its connections
