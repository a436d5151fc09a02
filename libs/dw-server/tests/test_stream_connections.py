"""What one WebSocket connection may make the server keep, and how others are served beside it."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.frames import Frame, Opcode

from durable_workflow.server import embedded_server
from durable_workflow.server.stream_connections import (
    StreamConnection,
    _whole_text,  # pyright: ignore[reportPrivateUsage]
)

UPGRADE = (
    b"GET /api/worker/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"X-Durable-Workflow-Protocol-Version: 1.1\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: 2\r\n\r\n{}", b"400"),
        (b"X-Long: %b\r\n\r\n" % (b"x" * 10_000), b"431"),
        (b"X: y\r\n" * 200 + b"\r\n", b"431"),
    ],
    ids=["a body", "a long header", "many headers"],
)
async def test_an_opening_of_a_stream_that_cannot_be_read_is_refused(
    headers: bytes, status: bytes
) -> None:
    async with embedded_server() as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(UPGRADE.removesuffix(b"\r\n") + headers)
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 " + status)


async def test_others_are_served_between_the_pings_of_a_flood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted in pings and not in seconds: thousands of them would fit into what one read takes."""
    pings = 0
    handle_ping = StreamConnection.handle_ping

    def handle(self: StreamConnection) -> None:
        nonlocal pings
        pings += 1
        handle_ping(self)

    monkeypatch.setattr(StreamConnection, "handle_ping", handle)
    monkeypatch.setattr("durable_workflow.server.throttle._REST", 10_000)
    async with embedded_server() as url, httpx.AsyncClient(base_url=url, timeout=30) as http:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write((b"\x89\xfd" + bytes(4 + 125)) * 30_000)
        async with asyncio.timeout(20):
            while True:
                if pings:
                    break
                await asyncio.sleep(0)
            for _ in range(3):
                await http.get("/api/health")
        writer.transport.abort()
    assert pings < 2000


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_text_leaves_in_the_frame_that_the_library_would_make(size: int) -> None:
    text = b"x" * size
    assert _whole_text(text) == Frame(Opcode.TEXT, text).serialize(mask=False)
