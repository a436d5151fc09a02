"""What one connection may make the server keep."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from durable_workflow.server import embedded_server
from durable_workflow.server.connections import Connection
from durable_workflow.server.stream_connections import StreamConnection

Message = MutableMapping[str, Any]
ENDLESS_HEADERS = b"GET /api/health HTTP/1.1\r\nHost: x\r\n"
ENDLESS_TRAILERS = (
    b"POST /api/workflows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
)

UPGRADE = (
    b"GET /api/worker/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"X-Durable-Workflow-Protocol-Version: 1.1\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.parametrize("beginning", [ENDLESS_HEADERS, ENDLESS_TRAILERS], ids=["head", "trailers"])
@pytest.mark.parametrize("more", [b"x: " + b"v" * 60_000 + b"\r\n", b"v" * 60_000])
async def test_a_head_that_does_not_end_is_refused(beginning: bytes, more: bytes) -> None:
    async with embedded_server() as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(beginning)
        answer = asyncio.create_task(reader.read())
        sent = 0
        try:
            async with asyncio.timeout(20):
                while not answer.done():
                    writer.write(more)
                    sent += len(more)
                    await writer.drain()
                    await asyncio.sleep(0)  # so that the answer is seen
        except ConnectionError:
            pass  # closed on us
        finally:
            writer.close()
        assert sent < 64 * 1024 * 1024
        # A peer that still writes may see that the connection is closed before it sees the answer.
        with contextlib.suppress(ConnectionError):
            assert (await answer).startswith(b"HTTP/1.1 4")


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
    async with embedded_server() as url, httpx.AsyncClient(base_url=url) as http:
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


class Transport(asyncio.Transport):
    """Takes what is written, and knows whether more is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = True
        self.written: list[bytes] = []

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def write(self, data: Any) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


async def test_no_more_is_read_while_a_request_has_not_begun() -> None:
    reading: list[tuple[int, bool]] = []
    transport = Transport()

    async def answer(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        reading.append((len(connection.pipeline), transport.reads))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        if len(reading) == 4:
            over.set()

    over = asyncio.Event()
    config = uvicorn.Config(cast("Any", answer), http=Connection, lifespan="off", log_config=None)
    connection = Connection(config, ServerState(), {})
    connection.connection_made(transport)
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4)
    async with asyncio.timeout(5):
        await over.wait()
    assert reading == [(3, False), (2, False), (1, False), (0, True)]
    assert transport.reads
    connection.connection_lost(None)
