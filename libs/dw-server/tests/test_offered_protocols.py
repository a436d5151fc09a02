"""Requests that offer another protocol, as Java's client and `curl --http2` do on plain HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest

from durable_workflow.server import embedded_server

OFFER = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
)
VERSION = b"X-Durable-Workflow-Control-Plane-Version: 2\r\n"
CLOSING = OFFER.replace(b"Upgrade, ", b"Upgrade, close, ")


def start(number: int, offer: bytes = OFFER, *, chunked: bool = False) -> bytes:
    """A request that starts the workflow `w-number`."""
    body = json.dumps({"workflow_id": f"w-{number}", "workflow_type": "t", "task_queue": "q"})
    length = f"Content-Length: {len(body)}".encode()
    head = (
        b"POST /api/workflows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + VERSION
    )
    if chunked:
        length = b"Transfer-Encoding: chunked"
        body = "".join(f"1\r\n{each}\r\n" for each in body) + "0\r\n\r\n"
    return head + offer + length + b"\r\n\r\n" + body.encode()


async def answers(url: str, pieces: Sequence[bytes]) -> bytes:
    """What a peer reads that writes these pieces, each once the one before has been taken."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [start(1, CLOSING)],
        [start(1, CLOSING, chunked=True)],
        start(1, CLOSING).partition(b"{"),
        [bytes([each]) for each in start(1, CLOSING)],
        [start(0), start(1, CLOSING)],
        [start(0) + start(2, b"") + start(1, CLOSING)],
        [
            start(0, b"Connection: upgrade\r\nUpgrade: TLS/1.0\r\n")
            + start(1, b"Connection: close\r\n")
        ],
    ],
    ids=["whole", "chunked", "head first", "bytewise", "twice", "pipelined", "of TLS"],
)
async def test_the_offer_is_ignored_and_the_body_is_read(pieces: Sequence[bytes]) -> None:
    async with embedded_server() as url:
        given = await answers(url, pieces)
    asked = b"".join(pieces).count(b"POST /api/workflows")
    assert given.count(b"HTTP/1.1 201 ") == asked
    assert given.count(b"HTTP/1.1 ") == asked
    assert b'"workflow_id":"w-1"' in given


async def test_a_connection_is_not_kept_where_the_peer_does_not_want_it() -> None:
    async with embedded_server() as url:
        # Read to the end, which comes at once: a connection that is kept would time out.
        given = await answers(url, [start(1, CLOSING)])
    assert b"connection: close" in given.lower()


async def test_a_head_with_an_offer_and_too_many_headers_is_refused() -> None:
    many = b"".join(b"x-%d: v\r\n" % number for number in range(300))
    async with embedded_server() as url:
        given = await answers(url, [start(1, many + OFFER)])
    assert given.startswith(b"HTTP/1.1 4")
