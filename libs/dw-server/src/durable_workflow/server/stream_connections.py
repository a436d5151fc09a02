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

    def handle_connect(self, event: Request) -> None:
        """The upgrade was asked for: the application begins."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            extensions = cast("dict[str, object]", self.scope.get("extensions"))
            extensions[EXTENSION] = self

    def data_received(self, data: bytes) -> None:
        """Take what arrived: the peer is there."""
        answered, self._answered = self._answered, None
        super().data_received(data)
        if answered is not None:
            answered()

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
