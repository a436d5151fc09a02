"""A connection with bounds on what the server keeps for a peer that it does not serve yet."""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Far more than any request line and headers, and more than arrives in one piece.
_MOST_HEAD_BYTES: Final = 1024 * 1024


class Connection(HttpToolsProtocol):
    """uvicorn's connection with two bounds that it lacks. Both hold before a login.

    A head (request line and headers, or the trailers of a body) that does not end is refused. And a
    peer that sends requests without waiting for answers is not read from while some of them have
    not begun: uvicorn reads on after each answer, so what it keeps would only grow.
    """

    _unfinished = 0

    def data_received(self, data: bytes) -> None:
        """Take what arrived, unless it is a head without an end."""
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > _MOST_HEAD_BYTES and not self.transport.is_closing():
            message = "The headers of the request are too large."
            self.logger.warning(message)
            self.send_400_response(message)

    def on_headers_complete(self) -> None:
        """A head has ended."""
        self._unfinished = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body: the limit of bodies is the application's."""
        self._unfinished = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """A request is over, and the next one that waits begins."""
        super().on_response_complete()
        if self.pipeline:
            self.flow.pause_reading()
