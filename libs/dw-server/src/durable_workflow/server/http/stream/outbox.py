"""What waits to be sent to a worker: one frame for all that a turn of the loop brought."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import msgspec

from durable_workflow.server.http.stream.wire import Wire

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_encode = msgspec.json.Encoder().encode

# Beyond so many unread bytes a peer gets no more tasks, and after so long it is dropped.
MOST_UNREAD: Final = 8 * 1024 * 1024
CLOGGED_SECONDS: Final = 30.0
# Beyond so many nothing more is read from a peer: its answers would only wait too.
_MOST_ANSWERS: Final = 256 * 1024
# What all peers together may leave unread.
MOST_UNREAD_BY_ALL: Final = 64 * 1024 * 1024
# A frame ends here, so that a peer that reads slowly is noticed; a larger message is alone in one.
_FRAME_BYTES: Final = 1024 * 1024


class Unread:
    """What the peers of all streams have not read."""

    def __init__(self) -> None:
        self.bytes = 0


class Outbox:
    """The messages to one peer.

    Args:
        unread: What waits for all peers; shared.
        on_room: Called when the peer has read so much that it may have more tasks.
    """

    def __init__(self, send: Send, wire: Wire, unread: Unread, on_room: Callable[[], None]) -> None:
        self._send = send
        self._wire = wire
        self._unread = unread
        self._on_room = on_room
        self._acks: list[int] = []
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._sending = 0
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._clogged: asyncio.TimerHandle | None = None
        self._close: tuple[int, str] | None = None
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: self._room.set())

    def put(self, message: dict[str, Any]) -> None:
        """Send a message; of a connection that has ended nobody would read it, nor free it."""
        if self._task.done():
            return
        text = _encode(message)
        self._waiting.append(text)
        self._count(len(text))
        if self._bytes > _MOST_ANSWERS:
            self._room.clear()
        self._some.set()
        if self._is_over() and self._clogged is None:
            loop = asyncio.get_running_loop()
            self._clogged = loop.call_later(CLOGGED_SECONDS, self._wire.abort)

    def put_at_once(self, message: dict[str, Any]) -> None:
        """Send a message without a turn of the loop, unless something waits before it.

        For answers that come alone: those that come together are better put into one frame.
        """
        waits = self._acks or self._waiting or self._sending or self._close is not None
        if waits or self._task.done() or not self._wire.write(b"[" + _encode(message) + b"]"):
            self.put(message)

    def acknowledge(self, message_id: int) -> None:
        """Say that a report was taken."""
        self._acks.append(message_id)
        self._some.set()

    def is_clogged(self) -> bool:
        """Whether the peer, or all of them, have left so much unread that tasks must wait."""
        return self._is_over() or self._unread.bytes > MOST_UNREAD_BY_ALL

    def has_room(self) -> bool:
        """Whether `until_read` has nothing to wait for."""
        return self._room.is_set()

    async def until_read(self) -> None:
        """Wait until the peer has read most of what it was sent, or the connection ends."""
        await self._room.wait()

    def close(self, code: int, reason: str) -> None:
        """End the connection behind what waits."""
        if self._close is None:
            self._close = (code, reason)
            self._some.set()

    async def finish(self) -> None:
        """Send what waits and the close, and stop: the connection ends."""
        self.close(1000, "")
        await asyncio.gather(self._task, return_exceptions=True)
        self._stop()

    async def drop(self) -> None:
        """Stop: the connection has ended."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._stop()

    def _stop(self) -> None:
        if self._clogged is not None:
            self._clogged.cancel()
        self._count(-self._bytes)

    def _is_over(self) -> bool:
        return self._bytes + self._wire.unread() > MOST_UNREAD

    def _count(self, size: int) -> None:
        self._bytes += size
        self._unread.bytes += size

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            while self._acks or self._waiting:
                frame = self._frame()
                if not self._wire.write(frame):
                    # Waits as long as the peer leaves more unread than its socket takes.
                    await self._send({"type": "websocket.send", "text": frame.decode()})
                self._count(-self._sending)
                self._sending = 0
                if self._bytes <= _MOST_ANSWERS:
                    self._room.set()
                self._note_room()
            if self._close is not None:
                code, reason = self._close
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
                return

    def _frame(self) -> bytes:
        parts: list[bytes] = []
        if self._acks:
            # Before the tasks that follow from what is acknowledged.
            parts.append(_encode({"type": "acks", "ids": self._acks}))
            self._acks = []
        self._sending = 0
        while self._waiting and (
            self._sending == 0 or self._sending + len(self._waiting[0]) <= _FRAME_BYTES
        ):
            parts.append(self._waiting.popleft())
            self._sending += len(parts[-1])
        # Joined at once: most of a large frame is one message, which is copied once.
        return b"".join((b"[", b",".join(parts), b"]"))

    def _note_room(self) -> None:
        if self._clogged is not None and not self._is_over():
            self._clogged.cancel()
            self._clogged = None
            self._on_room()
