"""What networks and proxies do to the bytes of a connection, for a `Forwarder`.

Each weather is told of the bytes that pass in either direction. It lets requests through where a
real fault would: what a peer cannot know then is whether they were carried out.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final

from integration.harness.forwarder import Way, Weather

_PAGE: Final = b"<html><body><h1>Please log in to the hotel</h1></body></html>"
_DELAY_SECONDS: Final = 0.1
_BYTE_SECONDS: Final = 0.02


async def latency(way: Way, chunk: bytes) -> bool:
    """Everything arrives, a moment later."""
    await asyncio.sleep(_DELAY_SECONDS)  # the fault itself
    await way.pass_on(chunk)
    return True


async def reset(way: Way, chunk: bytes) -> bool:
    """The connection is reset, whatever was sent on it."""
    del chunk
    sock: socket.socket = way.client.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    way.client.transport.abort()
    return False


async def ended(way: Way, chunk: bytes) -> bool:
    """The connection ends in good order, without a response."""
    del way, chunk
    return False


async def half_open(way: Way, chunk: bytes) -> bool:
    """Requests arrive and are carried out; nothing comes back, and nobody hangs up."""
    if way.is_request:
        await way.pass_on(chunk)
    return True


async def slow_bytes(way: Way, chunk: bytes) -> bool:
    """A response comes byte by byte, and never stops coming for long."""
    if way.is_request:
        await way.pass_on(chunk)
        return True
    for byte in chunk:
        await way.pass_on(bytes([byte]))
        await asyncio.sleep(_BYTE_SECONDS)  # the fault itself
    return True


async def cut_in_the_middle(way: Way, chunk: bytes) -> bool:
    """The connection ends when most of a response has arrived."""
    await way.pass_on(chunk if way.is_request else chunk[: len(chunk) * 3 // 4])
    return way.is_request


async def garbage(way: Way, chunk: bytes) -> bool:
    """Something else answers, in a protocol of its own."""
    return await _answer(way, b"\x15\x03\x01\x00\x02\x02\x46 what did you say? \xff\xfe\r\n\r\n")


async def page(way: Way, chunk: bytes) -> bool:
    """A proxy answers with a page of its own, and calls that a success."""
    return await _answer(way, _response(b"200 OK", b"text/html", _PAGE))


async def bad_gateway(way: Way, chunk: bytes) -> bool:
    """A proxy cannot reach the server."""
    return await _answer(way, _response(b"502 Bad Gateway", b"text/html", _PAGE))


async def half_json(way: Way, chunk: bytes) -> bool:
    """A proxy sends part of a document as if it were the whole."""
    return await _answer(way, _response(b"200 OK", b"application/json", b'{"workflow_id": "w'))


async def nothing(way: Way, chunk: bytes) -> bool:
    """Connections are taken, and nobody reads what they bring."""
    del way, chunk
    return True


BAD_WEATHER: Final[dict[str, Weather]] = {
    each.__name__: each
    for each in (
        latency,
        reset,
        ended,
        half_open,
        slow_bytes,
        cut_in_the_middle,
        garbage,
        page,
        bad_gateway,
        half_json,
        nothing,
    )
}


def _response(status: bytes, kind: bytes, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 " + status + b"\r\nContent-Type: " + kind + b"\r\nContent-Length: "
        b"%d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
    )


async def _answer(way: Way, response: bytes) -> bool:
    way.client.write(response)
    await way.client.drain()
    return False
