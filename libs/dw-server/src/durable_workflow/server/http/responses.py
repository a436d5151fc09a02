"""Sending an answer: headers, and compression where the caller takes it (control-plane 1.3)."""

from __future__ import annotations

import asyncio
import functools
import zlib
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, TypeAlias

from durable_workflow.server.capabilities import ENCODINGS, Encoding

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_SMALLEST = 1024
# Level 1 does in 25 µs what level 6 does in 60, for a tenth more bytes.
_LEVEL = 1
# More than this is compressed in a thread, and sent in parts of so many bytes.
_LARGE = 1_048_576
# Raw deflate, as specified; gzip has its header.
_WINDOW = {"gzip": 31, "deflate": -15}


async def respond(
    send: Send,
    status: int,
    body: bytes,
    headers: list[tuple[bytes, bytes]],
    *,
    accept_encoding: str | None = None,
    incompressible: int = 0,
    head: bool = False,
    before_end: Callable[[], Awaitable[None]] | None = None,
    content_type: bytes = b"application/json",
) -> None:
    """Send one answer.

    Args:
        accept_encoding: The caller's header; None compresses nothing.
        incompressible: Bytes of the body that do not count towards a size worth compressing.
        head: Send the headers alone.
        before_end: Awaited after the whole body was sent and before the response is ended, since
            the server may close the connection when it ends.
    """
    headers = [(b"content-type", content_type), *headers]
    if accept_encoding is not None and is_worth_compressing(len(body) - incompressible):
        headers.append((b"vary", b"Accept-Encoding"))
        encoding = choose_encoding(accept_encoding)
        if encoding is not None:
            if len(body) > _LARGE:
                body = await asyncio.to_thread(compress, body, encoding)
            else:
                body = compress(body, encoding)
            headers.append((b"content-encoding", encoding.encode()))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body = b"" if head else body
    at = 0
    while len(body) - at > _LARGE:
        # Each part is sent after the one before: sent at once, the whole body would be copied and
        # kept.
        part = body[at : at + _LARGE]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        at += _LARGE
    body = body[at:]
    if before_end is not None:
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await before_end()
        body = b""
    await send({"type": "http.response.body", "body": body})


async def respond_in_parts(
    send: Send,
    status: int,
    parts: Iterator[bytes],
    headers: list[tuple[bytes, bytes]],
    *,
    accept_encoding: str | None = None,
    left: Callable[[], bool],
) -> None:
    """Send one JSON answer that is made while it is sent; its length is not known before.

    Args:
        accept_encoding: The caller's header; None compresses nothing.
        left: Whether the caller has gone: then the rest is not made.
    """
    headers = [(b"content-type", b"application/json"), *headers]
    encoding = None if accept_encoding is None else choose_encoding(accept_encoding)
    compressor = None
    if accept_encoding is not None:
        headers.append((b"vary", b"Accept-Encoding"))
    if encoding is not None:
        headers.append((b"content-encoding", encoding.encode()))
        compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW[encoding])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for part in parts:
        text = part if compressor is None else compressor.compress(part)
        if text:
            await send({"type": "http.response.body", "body": text, "more_body": True})
        await asyncio.sleep(0)
        if left():
            return
    last = b"" if compressor is None else compressor.flush()
    await send({"type": "http.response.body", "body": last})


def is_worth_compressing(size: int) -> bool:
    """Whether a body of so many bytes is compressed for a caller that takes it so."""
    return size >= _SMALLEST


def compress(body: bytes, encoding: Encoding) -> bytes:
    """`body` in an encoding."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW[encoding])
    return compressor.compress(body) + compressor.flush()


@functools.lru_cache(maxsize=256)
def choose_encoding(accepted: str) -> Encoding | None:
    """The encoding of ours that an ``Accept-Encoding`` likes best, or None."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameters = part.partition(";")
        weights[name.strip()] = _weight(parameters)
    rest = weights.get("*", 0.0)
    best = max(ENCODINGS, key=lambda encoding: weights.get(encoding, rest))
    return best if weights.get(best, rest) > 0 else None


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
