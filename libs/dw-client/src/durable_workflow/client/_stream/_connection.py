"""The WebSocket of a worker, which hands each frame on as soon as it arrives."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from types import GeneratorType
from typing import Any, Final, Protocol, cast

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State
from websockets.streams import StreamReader

from durable_workflow._meet import StreamEnded
from durable_workflow._wire import json_text
from durable_workflow.client._stream._shortcut import Shortcut

_log = logging.getLogger("durable_workflow.worker")
# How long the peer has to say that it ends the connection, too.
CLOSE_SECONDS: Final = 1.0
# How long a peer may take nothing of what waits to be sent: so long, and what a slow line needs for
# it. Where the system writes a buffer as a whole (Windows) nothing is seen to go before all has.
_STALL_SECONDS: Final = 30.0
_SLOW_BYTES_PER_SECOND: Final = 32 * 1024
_DATA: Final = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
# The first byte of a frame that is a whole text message.
_WHOLE_TEXT: Final = 0x81
# The bit of the second byte that says that a mask follows, which no server sends.
_MASKED: Final = 0x80
# What a frame may say that it has.
_LARGEST: Final = 2**63 - 1


class Connection(Protocol):
    """A WebSocket; once it has ended, calls raise the `ConnectionClosed` of `websockets`."""

    def send_now(self, frame: bytes, /) -> bool:
        """Send a frame of text now; False where it must wait, as for a peer that reads slowly."""
        ...

    def send_here(self, frame: bytes, /) -> bool:
        """Send a frame of text now from whichever thread this is; False where that can't be."""
        ...

    async def send(self, frame: str, /) -> None:
        """Send a frame, and wait until there is room for another one."""
        ...

    async def recv(self) -> str | bytes:
        """Wait for a frame."""
        ...

    async def deliver_to(self, take: Callable[[str | bytes], None]) -> None:
        """Give each frame to `take` as it arrives, until the connection ends.

        Raises:
            ConnectionClosed: It has ended.
            Exception: What `take` raised.
        """
        ...

    async def close(self) -> None:
        """End it."""
        ...


class StreamConnection(ClientConnection):
    """A connection that hands its frames on in the turn of the loop in which they arrive.

    Those of the library wait in a queue for a task that is woken for each; that, and the context
    in which each frame is sent, cost more than most frames do otherwise.

    While the peer does not take what is sent, the library's own pings wait behind that, and never
    find out that the peer is gone; the system does after a quarter of an hour. So the connection is
    ended where nothing is taken, and nothing comes.
    """

    def __init__(self, protocol: ClientProtocol, **options: Any) -> None:
        super().__init__(protocol, **options)
        self._parts: list[Frame] = []
        # Whether the library's parser was given something, and may not be done with it.
        self._left_to_parser = True
        # Of a frame that arrives in pieces: those that have come, and how much has not.
        self._pieces: list[bytes] = []
        self._missing = 0
        self._frames: deque[str | bytes] = deque()
        self._take: Callable[[str | bytes], None] = self._frames.append
        # Done when there is something for whoever waits: a frame, or the end.
        self._news: asyncio.Future[None] = self.loop.create_future()
        self._error: Exception | None = None
        self._is_lost = False
        # Of a connection whose peer is behind: whether anything came, and when to look again.
        self._is_heard = False
        self._look: asyncio.TimerHandle | None = None
        self._shortcut: Shortcut | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        super().connection_made(transport)
        self._shortcut = Shortcut(self.transport, self.loop)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, mostly one whole frame or a piece of one: that needs no parser."""
        if self._missing:
            self._take_piece(data)
            return
        size, at = text_frame(data)
        if not size or size < len(data) or self._parts or not self._is_between_frames():
            self._left_to_parser = True
            super().data_received(data)
            return
        self._is_heard = True
        if size == len(data):
            self._hand_on(data[at:])
        else:
            self._pieces, self._missing = [data[at:]], size - len(data)

    def _take_piece(self, data: bytes) -> None:
        """Take more of a frame. The parser copies each piece twice, and a megabyte takes long."""
        self._is_heard = True
        self._pieces.append(data[: self._missing])
        rest, self._missing = data[self._missing :], max(self._missing - len(data), 0)
        if not self._missing:
            pieces, self._pieces = self._pieces, []
            self._hand_on(b"".join(pieces))
            if rest:
                self.data_received(rest)

    def _is_between_frames(self) -> bool:
        """Whether what arrives now begins a frame, of a connection that stands."""
        if self.response is None or self.protocol.state is not State.OPEN:
            return False
        if self._left_to_parser:
            self._left_to_parser = not self._is_parser_done()
        return not self._left_to_parser

    def _is_parser_done(self) -> bool:
        """Whether the library's parser has read what it was given to its last frame's end."""
        # Before each frame the parser looks whether there is anything; then it waits for bytes.
        waiting: object = self.protocol.parser
        while isinstance(waiting, GeneratorType):
            if waiting.gi_code is StreamReader.at_eof.__code__:
                return True
            waiting = cast("object", waiting.gi_yieldfrom)
        return False

    def process_event(self, event: Event) -> None:
        """Take what arrived."""
        self._is_heard = True
        if self.response is None or not isinstance(event, Frame) or event.opcode not in _DATA:
            super().process_event(event)
            return
        if not event.fin or self._parts:
            self._parts.append(event)
            if not event.fin:
                return
            parts, self._parts = self._parts, []
            event = Frame(parts[0].opcode, b"".join(part.data for part in parts))
        self._hand_on(bytes(event.data))

    def _hand_on(self, frame: bytes) -> None:
        if self._error is not None:
            return
        try:
            self._take(frame)  # text, too: the reader of JSON takes bytes as they are
        except Exception as error:  # noqa: BLE001 - raised in `deliver_to`
            self._error = error
        if self._frames or self._error is not None:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        if self._shortcut is not None:
            self._shortcut.close()  # the peer sees the end once every descriptor is closed
        super().connection_lost(exc)
        self._look_no_more()
        self._is_lost = True
        self._wake()

    def lend(self) -> bool:
        """Read no more, as another thread does from now on; False where that can't be now."""
        if self._missing or self._parts or self._error is not None:
            return False
        if self.transport.is_closing() or not self._is_between_frames():
            return False
        self.transport.pause_reading()
        return True

    def take_back(self, data: bytes, /) -> None:
        """Take what another thread has read last, if anything, and read again."""
        if data:
            self.data_received(data)
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def fail(self, error: Exception, /) -> None:
        """Have whoever waits for frames end in an error."""
        self._error = error
        self._wake()
        self.take_back(b"")

    def abort(self) -> None:
        """End it at once."""
        self.transport.abort()

    def hear(self) -> None:
        """Something has come, whoever reads it. From any thread."""
        self._is_heard = True

    def pause_writing(self) -> None:
        """More waits to be sent than the peer takes at once."""
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """The peer has taken most of it."""
        super().resume_writing()
        self._look_no_more()

    def _look_later(self) -> None:
        self._is_heard = False
        waiting = self.transport.get_write_buffer_size()
        pause = _STALL_SECONDS + waiting / _SLOW_BYTES_PER_SECOND
        self._look = self.loop.call_later(pause, self._end_if_stalled, waiting)

    def _look_no_more(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _end_if_stalled(self, waiting: int) -> None:
        if self._is_heard or self.transport.get_write_buffer_size() < waiting:
            self._look_later()
            return
        _log.warning("the server takes nothing of %d bytes that wait to be sent", waiting)
        self.transport.abort()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End it: without a word where the peer does not take that in time."""
        try:
            # The library waits first for room for what it says, which no timeout of its own ends.
            async with asyncio.timeout(2 * CLOSE_SECONDS):
                await super().close(code, reason)
        except TimeoutError:
            self.transport.abort()

    def send_now(self, frame: bytes, /) -> bool:
        """Send a frame of text now; False where it must wait."""
        if self.protocol.state is not State.OPEN or self.paused:
            return False
        self.protocol.send_text(frame)
        try:
            self.send_data()
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection is lost
            _log.debug("a frame could not be sent: %s", error)
            self.transport.abort()
        return True

    def send_here(self, frame: bytes, /) -> bool:
        """Send a frame of text now from whichever thread this is; False where that can't be."""
        shortcut = self._shortcut
        if shortcut is None or shortcut.lock.locked():
            return False
        # Not `acquire`: an interrupt right behind it would leave it locked for ever.
        with shortcut.lock:
            # A close frame makes it another state before it is written, under this lock.
            return self.protocol.state is State.OPEN and not self.paused and shortcut.send(frame)

    def send_data(self) -> None:
        """Write what the protocol has to say, behind what another thread has begun to send."""
        shortcut = self._shortcut
        assert shortcut is not None, "there is a connection"
        with shortcut.lock:
            shortcut.write_rest()
            super().send_data()
            shortcut.note_written()

    async def recv(self, decode: bool | None = None) -> Any:
        """Wait for a frame; it is not decoded."""
        del decode
        while not self._frames:
            await self._wait()
        return self._frames.popleft()

    async def deliver_to(self, take: Callable[[str | bytes], None]) -> None:
        """Give each frame to `take` as it arrives, until the connection ends."""
        while self._frames:
            take(self._frames.popleft())
        self._take = take
        try:
            while True:
                await self._wait()
                if self._error is not None:
                    raise self._error
        finally:
            self._take = self._frames.append

    async def _wait(self) -> None:
        """Wait for news.

        Raises:
            ConnectionClosed: The connection has ended, and there will be none.
        """
        if self._is_lost:
            await super().recv()  # says why
        self._news = self.loop.create_future()
        await self._news

    def _wake(self) -> None:
        if not self._news.done():
            self._news.set_result(None)


def text_frame(data: bytes) -> tuple[int, int]:
    """How long the text frame is that these bytes begin with, and where its text begins.

    Zeros where they begin with something else, or with less than its head.
    """
    if len(data) < 2 or data[0] != _WHOLE_TEXT or data[1] >= _MASKED:
        return 0, 0
    size, at = data[1], 2
    if size == 126:
        size, at = int.from_bytes(data[2:4], "big"), 4
    elif size == 127:
        size, at = int.from_bytes(data[2:10], "big"), 10
    return (at + size, at) if len(data) >= at and size <= _LARGEST else (0, 0)


def messages_of(frame: str | bytes) -> list[dict[str, Any]]:
    """The messages of a frame, in order.

    Raises:
        StreamEnded: It is not an array of objects: this is no server of ours.
    """
    try:
        found: object = json_text.decode(frame)
    except ValueError as error:
        raise StreamEnded("a frame is not JSON") from error
    if not isinstance(found, list):
        raise StreamEnded("a frame is not a list of messages")
    for each in cast("list[object]", found):
        if not isinstance(each, dict):
            raise StreamEnded("a message is not an object")
    return cast("list[dict[str, Any]]", found)
