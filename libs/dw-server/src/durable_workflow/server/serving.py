"""Running the application on a socket, inside an event loop that may be somebody else's."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncGenerator, Generator

import uvicorn

from durable_workflow.server.app import create_app
from durable_workflow.server.connections import Connection
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.stream_connections import StreamConnection

# See `_short_switch_interval`.
_SWITCH_SECONDS = 0.0001
# Longer than a peer's usual pause between two requests: if the connection is closed just when the
# peer uses it again, the peer must retry.
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048


# What a sender of batches may put into one frame.
_FRAME_BYTES = 4 * 1024 * 1024


class HttpServer(uvicorn.Server):
    """uvicorn without its process: no signal handlers, no ticking, and it says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle no signals: the owner of the process does that."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Serve until told to stop. uvicorn would look ten times a second whether it was."""
        await self._stopping.wait()

    def stop(self) -> None:
        """Take no more connections, and finish what is in progress."""
        self.should_exit = True
        self._stopping.set()


@contextlib.asynccontextmanager
async def serving(server: Server) -> AsyncGenerator[str, None]:
    """Serve for the length of the block.

    Yields:
        The URL.
    Raises:
        OSError: The address cannot be had.
    """
    settings = server.settings
    with _listening_socket(settings.host, settings.port) as listener:
        config = uvicorn.Config(
            create_app(server),
            http=Connection,
            lifespan="off",
            log_config=None,
            # The application has its own, with ids and without paths.
            access_log=False,
            # uvicorn would trust these headers from any process on this machine, which could then
            # pretend to be another caller.
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=settings.shutdown_seconds,
            ws=StreamConnection,
            # A message is bounded as a body is, and a frame holds at least the largest of them.
            ws_max_size=max(_FRAME_BYTES, settings.wire.max_payload_bytes + 1024),
            ws_per_message_deflate=False,
            ws_ping_interval=settings.services.heartbeat_interval_seconds,
            ws_ping_timeout=_pong_seconds(settings.services),
        )
        http = HttpServer(config)
        with _short_switch_interval():
            task = asyncio.create_task(http.serve(sockets=[listener]), name="dw-http")
            await _ready(http, task)
            try:
                await server.announce()
                yield url_of(listener)
            finally:
                server.hold_no_more()
                http.stop()
                await task


def url_of(listener: socket.socket) -> str:
    """The URL under which a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _pong_seconds(services: ServiceSettings) -> float:
    """How long a ping may go unanswered, so that it is as if so many pings in a row had."""
    return services.heartbeat_interval_seconds * max(services.missed_heartbeats - 1, 1)


def _listening_socket(host: str, port: int) -> socket.socket:
    # Bound here and not by uvicorn, which ends the process when it cannot.
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        # A name with an empty or a long part is not even asked for.
        why = error.strerror if isinstance(error, OSError) else "it is no name of a host"
        raise OSError(f"cannot listen on {host}:{port}: {why}") from error
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # where it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        what = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise OSError(error.errno, what) from error
    return listener


async def _ready(http: HttpServer, task: asyncio.Task[None]) -> None:
    ready = asyncio.create_task(http.ready.wait())
    await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
    if not ready.done():
        ready.cancel()
        await task


@contextlib.contextmanager
def _short_switch_interval() -> Generator[None, None, None]:
    """Let the committing thread have the interpreter lock soon after it asks for it.

    At Python's 5 ms a busy event loop keeps it waiting for as long, and often for much longer: the
    interval begins anew whenever the loop itself gives up the lock for a moment, to look at its
    sockets. At 0.1 ms a commit under load takes 1 ms instead of hundreds.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _SWITCH_SECONDS))
    try:
        yield
    finally:
        sys.setswitchinterval(before)
