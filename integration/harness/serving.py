"""Serve connections on a free port of loopback with coroutines, and leave none of them behind.

A connection that is accepted in the turn in which a test ends has no task yet with
`asyncio.start_server`, so nobody would close it. Here the task begins where it is accepted.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncGenerator[str]:
    """Call `serve` for each connection for the length of the block, and yield the base URL.

    With `tls` connections are encrypted, and one whose peer does not agree never gets to `serve`.

    A connection is closed when its `serve` ends, with what was written on its way to the peer. At
    the end of the block every `serve` is cancelled, and the connections are torn. A peer that goes
    away is no error; any other exception of a `serve` is raised there.
    """
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    served: dict[asyncio.Task[None], socket.socket] = {}

    def accept() -> None:
        with suppress(BlockingIOError, ConnectionError):
            accepted, _ = listener.accept()
            accepted.setblocking(False)
            served[loop.create_task(_serve(accepted, serve, tls))] = accepted

    loop.add_reader(listener, accept)
    host, port = listener.getsockname()
    try:
        yield f"{'http' if tls is None else 'https'}://{host}:{port}"
    finally:
        loop.remove_reader(listener)
        listener.close()
        for task in served:
            task.cancel()
        ended = await asyncio.gather(*served, return_exceptions=True)
        await asyncio.sleep(0)  # what was torn last is closed
        for accepted in served.values():
            accepted.close()  # of one whose task was cancelled before it began
    for error in ended:
        if error is not None and not isinstance(error, asyncio.CancelledError):
            raise error


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection once what was written is sent; tear it where that is cancelled."""
    writer.close()
    try:
        with suppress(OSError):
            await writer.wait_closed()
    except asyncio.CancelledError:
        if writer.get_extra_info("socket").fileno() >= 0:  # not closed in this very turn
            writer.transport.abort()
        raise


async def _serve(accepted: socket.socket, serve: Serve, tls: ssl.SSLContext | None) -> None:
    try:
        reader, writer = await _opened(accepted, tls)
    except (ssl.SSLError, ConnectionError):
        return  # the peer did not trust us
    try:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
    except asyncio.CancelledError:
        writer.transport.abort()  # the peer may never read what was written
        raise
    finally:
        await close(writer)


async def _opened(
    accepted: socket.socket, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=tls)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
