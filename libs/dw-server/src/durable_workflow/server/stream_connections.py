"""uvicorn's WebSocket connection, with what a stream needs of its socket."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from durable_workflow.server.http.stream import EXTENSION

_log = logging.getLogger(__name__)

# What may have come of messages that are not complete, on one connection and on all.
_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_OF_ALL: Final = 64 * 1024 * 1024
# Nobody is cut off for less.
_SMALL_BYTES: Final = 64 * 1024
# Pings are answered up to here.
_MOST_UNREAD: Final = 256 * 1024
# What a frame takes beside its data.
_FRAME_BYTES: Final = 64


class StreamConnection(WebSocketsSansIOProtocol):
    """Gives the application its wire: pings, what is unread, a hard end."""

    _answered: Callable[[], None] | None = None
    _heard_at: float = 0.0

    # Bytes of a message that is not complete: of its frames, and of all that has come.
    _fragments: int = 0
    _unfinished: int = 0
    # Of all connections of the process.
    _unfinished_of_all: ClassVar[int] = 0

    def handle_connect(self, event: Request) -> None:
        """The upgrade was asked for: the application begins."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            extensions = cast("dict[str, object]", self.scope.get("extensions"))
            extensions[EXTENSION] = self

    def data_received(self, data: bytes) -> None:
        """Take what arrived: the peer is there."""
        self._heard_at = self.loop.time()
        answered, self._answered = self._answered, None
        super().data_received(data)
        self._count(len(self.conn.reader.buffer) + self._fragments)
        if answered is not None:
            answered()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._count(0)
        super().connection_lost(exc)

    def handle_text(self, event: Frame) -> None:
        """A message begins, and may be complete."""
        self._fragments = 0 if event.fin else len(event.data)
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """A message begins, and may be complete."""
        self._fragments = 0 if event.fin else len(event.data)
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """A message goes on, perhaps in frames without a byte, without an end."""
        self._fragments = 0 if event.fin else self._fragments + len(event.data) + _FRAME_BYTES
        super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping, unless its peer does not read what it is sent: nor would it read this."""
        if self.unread() > _MOST_UNREAD:
            self.conn.data_to_send()  # the answer, which goes nowhere
            return
        super().handle_ping()

    def _count(self, unfinished: int) -> None:
        """Note what is held, and end the connection where that is too much."""
        StreamConnection._unfinished_of_all += unfinished - self._unfinished
        self._unfinished = unfinished
        over = self._unfinished_of_all > _MOST_OF_ALL and unfinished > _SMALL_BYTES
        if (over or unfinished > _MOST_BYTES) and not self.transport.is_closing():
            _log.warning("a stream was cut off: its peer has sent too much of one message")
            self.transport.abort()

    def send_keepalive_ping(self) -> None:
        """Send the ping that is due, unless the peer was heard since the last one was.

        A worker says that it is alive as often as it would be pinged, so an idle one costs no
        pings. One that is silent is given up as long after it was heard last as with them.
        """
        assert self.ping_interval is not None
        silent = self.loop.time() - self._heard_at
        if silent < self.ping_interval:
            self.last_ping_rtt = 0.0
            self.schedule_ping()
            return
        super().send_keepalive_ping()
        if self.pong_timer is not None:
            assert self.ping_timeout is not None
            left = max(self.ping_timeout + self.ping_interval - silent, self.ping_timeout / 2)
            self.pong_timer.cancel()
            self.pong_timer = self.loop.call_later(left, self.keepalive_timeout)

    def ping(self, answered: Callable[[], None]) -> None:
        """Send a ping, and call `answered` when anything is heard of the peer."""
        if self.close_sent or self.transport.is_closing():
            return
        self._answered = answered
        self.conn.send_ping(b"")
        self.transport.write(b"".join(self.conn.data_to_send()))

    def unread(self) -> int:
        """Bytes that wait for the peer to read."""
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """Drop the connection now."""
        self.transport.abort()
