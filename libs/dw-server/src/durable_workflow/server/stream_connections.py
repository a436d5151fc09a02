"""uvicorn's WebSocket connection, with what a stream needs of its socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from durable_workflow.server.http.stream import EXTENSION


class StreamConnection(WebSocketsSansIOProtocol):
    """Gives the application its wire: pings, what is unread, a hard end."""

    _answered: Callable[[], None] | None = None
    _heard_at: float = 0.0

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
        if answered is not None:
            answered()

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
