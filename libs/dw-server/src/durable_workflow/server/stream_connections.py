"""uvicorn's WebSocket connection, with what a stream needs of its socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import GeneratorType
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.streams import StreamReader

try:
    from websockets.speedups import apply_mask
except ImportError:
    # The same in Python: thirty times as slow.
    from websockets.utils import apply_mask

from durable_workflow.server.http.stream import ASCII, EXTENSION, Listener
from durable_workflow.server.rounds import rounds_of
from durable_workflow.server.throttle import RestingReader

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent
    from uvicorn.config import Config
    from uvicorn.server import ServerState

_log = logging.getLogger(__name__)
# What uvicorn and websockets say of a connection: below a warning that is the path as it came, the
# headers, with the token of the login, and what is in the messages.
_log_of_the_wire: Final = logging.getLogger("durable_workflow.server.wire")
_log_of_the_wire.setLevel(logging.WARNING)

# What may have come of messages that are not complete, on one connection and on all.
_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_OF_ALL: Final = 64 * 1024 * 1024
# Nobody is cut off for less.
_SMALL_BYTES: Final = 64 * 1024
# Pings are answered up to here.
_MOST_UNREAD: Final = 256 * 1024
# What a frame takes beside its data.
_FRAME_BYTES: Final = 64
# Of a frame that is a whole text message: its first byte, and the bit of the second that says that
# a mask follows. What is larger than this is no short message.
_WHOLE_TEXT: Final = 0x81
_MASKED: Final = 0x80
_SHORT_BYTES: Final = 4096
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
# So long short messages wait for each other.
_SHORT_SECONDS: Final = 0.1
# Whether pings are due is looked at so often.
_PING_ROUND_SECONDS: Final = 1.0


class StreamConnection(WebSocketsSansIOProtocol):
    """Gives the application its wire: pings, what is unread, a hard end."""

    _answered: Callable[[], None] | None = None
    _heard_at: float = 0.0
    _round: int = 0
    _listener: Listener | None = None
    _reader: RestingReader | None = None
    # A message that waits for the next round: as it arrived, and its text.
    _put_off: tuple[bytes, bytes] | None = None

    # Bytes of a message that is not complete: of its frames, and of all that has come.
    _fragments: int = 0
    _unfinished: int = 0
    # Of all connections of the process.
    _unfinished_of_all: ClassVar[int] = 0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = self.conn.logger = _log_of_the_wire
        self.conn.debug = False

    async def send(self, message: ASGISendEvent) -> None:
        """Send an event of the application's."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # Refused, and answered: uvicorn notes it only where the connection is lost, and would
            # log an error before that.
            self.handshake_complete = True

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
        if self._put_off is not None:
            self._take_put_off()
        if not self._take_whole(data):
            self._read(data)
        if answered is not None:
            answered()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._count(0)
        if self._reader is not None:
            self._reader.close()
            self._reader = None
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

    def send_receive_event_to_app(self) -> None:
        """A message is complete: one in ASCII is handed over as it is, without being decoded."""
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        is_text = self.curr_msg_data_type == "text"
        if self.close_sent or not is_text or not data.isascii():
            super().send_receive_event_to_app()
            return
        self.frames = []
        event: Any = {"type": "websocket.receive", ASCII: data}
        self.queue.put_nowait(event)
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def handle_ping(self) -> None:
        """Answer a ping, unless its peer does not read what it is sent: nor would it read this."""
        if self.unread() > _MOST_UNREAD:
            self.conn.data_to_send()  # the answer, which goes nowhere
            return
        super().handle_ping()

    def _read(self, data: bytes) -> None:
        if self._reader is None:
            self._reader = RestingReader(
                super().data_received, self.transport, lambda: self.read_paused
            )
        self._reader.data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._refuse_opening()
        self._count(len(self.conn.reader.buffer) + self._fragments)

    def _refuse_opening(self) -> None:
        """End a connection whose first request cannot be read: uvicorn looks at those that can."""
        if self.close_sent:
            return
        self.transport.write(b"".join(self.conn.data_to_send()) or _BAD_REQUEST)
        self.handshake_complete = self.close_sent = True
        self.transport.close()

    def _take_whole(self, data: bytes) -> bool:
        """Have the application take one short message, at once or in the next round; whether it is.

        Most of what workers send is that. Parsing it as a stream of frames, and handing it over
        through a queue for which the socket is not read from, costs more than most answers.
        """
        if self._listener is None or len(data) > _SHORT_BYTES or self.read_paused or self.frames:
            return False
        if self._reader is not None and self._reader.is_resting():
            return False
        text = _short_text(data)
        if text is None or not self._is_between_frames():
            return False
        if not self._listener.may_wait(text):
            return self._listener.take(text)
        self._put_off = data, text
        rounds_of(self.loop, _SHORT_SECONDS).add(0, self._take_put_off)
        return True

    def _take_put_off(self) -> None:
        """Have the application take what waited, before anything that arrived after it."""
        if self._put_off is None or self._listener is None or self.transport.is_closing():
            return
        (data, text), self._put_off = self._put_off, None
        if not self._listener.take(text):
            self._read(data)

    def _is_between_frames(self) -> bool:
        """Whether what arrives now begins a frame, of a connection that stands."""
        if self.conn.state is not OPEN or self.close_sent:
            return False
        # Before each frame the parser looks whether there is anything; then it waits for bytes.
        waiting: object = self.conn.parser
        while isinstance(waiting, GeneratorType):
            if waiting.gi_code is StreamReader.at_eof.__code__:
                return True
            waiting = cast("object", waiting.gi_yieldfrom)
        return False

    def _count(self, unfinished: int) -> None:
        """Note what is held, and end the connection where that is too much."""
        StreamConnection._unfinished_of_all += unfinished - self._unfinished
        self._unfinished = unfinished
        over = self._unfinished_of_all > _MOST_OF_ALL and unfinished > _SMALL_BYTES
        if (over or unfinished > _MOST_BYTES) and not self.transport.is_closing():
            _log.warning("a stream was cut off: its peer has sent too much of one message")
            self.transport.abort()

    def schedule_ping(self) -> None:
        """Look again whether a ping is due when the peer will have been silent for that long.

        A worker says that it is alive as often as it would be pinged, so an idle one costs no
        pings. One that is silent is given up as long after it was heard last as with them.
        """
        assert self.ping_interval is not None
        due_in = max(self._heard_at + self.ping_interval - self.loop.time(), 0.0)
        self._round = rounds_of(self.loop, _PING_ROUND_SECONDS).add(
            due_in, self.send_keepalive_ping
        )

    def stop_keepalive(self) -> None:
        """Send no more pings: the connection ends."""
        rounds_of(self.loop, _PING_ROUND_SECONDS).remove(self._round, self.send_keepalive_ping)
        super().stop_keepalive()

    def send_keepalive_ping(self) -> None:
        """Send a ping, unless the peer was heard meanwhile."""
        assert self.ping_interval is not None
        silent = self.loop.time() - self._heard_at
        if silent < self.ping_interval:
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

    def listen(self, listener: Listener) -> None:
        """Have short messages that may wait for each other shown to `listener`."""
        self._listener = listener

    def write(self, text: bytes) -> bool:
        """Send a message at once; False, and nothing is sent, where it would have to wait."""
        if self.conn.state is not OPEN or self.transport.is_closing() or self.unread():
            return False
        if self.conn.writes or self.conn.extensions:
            self.conn.send_text(text)
            self.transport.write(b"".join(self.conn.data_to_send()))
        else:
            self.transport.write(_whole_text(text))
        return True

    def unread(self) -> int:
        """Bytes that wait for the peer to read."""
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """Drop the connection now."""
        self.transport.abort()


def _whole_text(text: bytes) -> bytes:
    """A text message in one frame, as a server sends it."""
    size = len(text)
    if size < 126:
        return b"\x81%c%b" % (size, text)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), text)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), text)


def _short_text(data: bytes) -> bytes | None:
    """What the one frame says that these bytes are; None where they are anything else."""
    if len(data) < 6 or data[0] != _WHOLE_TEXT or data[1] < _MASKED:
        return None
    size, at = data[1] - _MASKED, 2
    if size == 126:
        size, at = int.from_bytes(data[2:4], "big"), 4
    if size == 127 or len(data) != at + 4 + size:
        return None
    return apply_mask(data[at + 4 :], data[at : at + 4])
