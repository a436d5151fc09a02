"""Messages on their way out: one frame for all that a turn of the event loop brought."""

import asyncio
import contextlib
import threading
from collections import deque
from typing import Any, Final

from websockets.exceptions import ConnectionClosed

from durable_workflow._wire import json_text
from durable_workflow.client._stream._connection import Connection
from durable_workflow.client._stream._shortcut import MOST_BYTES
from durable_workflow.errors import error_for

# A frame ends here; a larger message is alone in one.
FRAME_BYTES: Final = 4 * 1024 * 1024
# What a frame holds besides its only message: two brackets, and the message's id.
_FRAME_ROOM: Final = 32
# So many reports at most wait for each other: the server has something to do meanwhile.
MOST_GATHERED: Final = 8


def encode(message: dict[str, Any]) -> bytes:
    """A message as JSON text.

    Raises:
        ValueError: JSON cannot carry it: NaN, or keys that collide as text.
        TypeError: Neither can it carry this.
    """
    return json_text.encode_bytes(message)


def check_size(text: bytes, largest: int | None) -> None:
    """Refuse a message that the server would not read, and would end the connection for.

    Args:
        text: The message, without its id.
        largest: What the server says that it takes.

    Raises:
        ServerError: 413, as for a body that is too large over HTTP.
    """
    most = largest or FRAME_BYTES
    if (size := len(text)) > max(most, FRAME_BYTES - _FRAME_ROOM):
        message = f"the message has {size} bytes, and the server takes at most {most}"
        raise error_for(413, {"reason": "payload_too_large", "message": message, "limit": most})


def numbered(text: bytes, number: int) -> bytes:
    """An encoded message with its id."""
    return b"".join((b'{"id":%d,' % number, memoryview(text)[1:]))


class Outbox:
    """What waits to be sent over one connection.

    Args:
        connection: The one that it is sent over.
        lock: Held while anything here changes.
    """

    def __init__(self, connection: Connection, lock: threading.Lock) -> None:
        self._lock = lock
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        # Frames that the connection has no room for yet, in order.
        self._late: deque[bytes] = deque()
        self._some_late = asyncio.Event()
        # How many messages waited when the loop that gathers them looked last; None: it does not.
        self._gathered: int | None = None

    def put(self, text: bytes) -> None:
        """Send a message with all others of this turn of the event loop. In its thread."""
        if not self._waiting or self._gathered is not None:
            self._loop.call_soon(self._send)
        self._waiting.append(text)

    def put_here(self, text: bytes) -> None:
        """Send a message at once from whichever thread this is, or else with the others."""
        is_next = not self._waiting and not self._late and len(text) < MOST_BYTES
        if is_next and self._connection.send_here(b"[%b]" % text):
            return
        if not self._waiting:
            self._loop.call_soon_threadsafe(self._send)
        self._waiting.append(text)

    def gather(self, text: bytes) -> None:
        """Send a message from this thread, with those that its loop brings until it has no more.

        What the loop is held up with is sent by `send_waiting`.
        """
        self._waiting.append(text)
        if len(self._waiting) == MOST_GATHERED:
            self._send_here()
        elif self._gathered is None:
            self._gathered = 0
            loop = asyncio.get_running_loop()
            loop.call_soon(self._look, loop)

    def send_waiting(self) -> None:
        """Send what waits, whoever has gathered it. In the thread of the connection."""
        if self._waiting:
            self._send()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send what was gathered, unless the turn of the loop that has ended brought more."""
        with self._lock:
            before, self._gathered = self._gathered, None
            if len(self._waiting) > (before or 0):
                self._gathered = len(self._waiting)
                loop.call_soon(self._look, loop)
            elif self._waiting:
                self._send_here()

    def _send_here(self) -> None:
        if not self._late and self._connection.send_here(b"[%b]" % b",".join(self._waiting)):
            self._waiting = []
            return
        with contextlib.suppress(RuntimeError):  # the stream has ended, and its loop is closed
            self._loop.call_soon_threadsafe(self._send)

    def _send(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            for frame in frames_of(waiting):
                if self._late or not self._connection.send_now(frame):
                    self._late.append(frame)
                    self._some_late.set()

    async def run(self) -> None:
        """Send what has to wait, until the connection ends."""
        while True:
            await self._some_late.wait()
            while self._late:
                await self._connection.send(self._late[0].decode())
                self._late.popleft()
            self._some_late.clear()


def frames_of(messages: list[bytes]) -> list[bytes]:
    """Messages in as few frames as their sizes allow, in order."""
    if len(messages) == 1:
        return [b"[%b]" % messages[0]]
    frames: list[list[bytes]] = []
    size = FRAME_BYTES
    for message in messages:
        if size + len(message) + 1 > FRAME_BYTES:
            frames.append([])
            size = 2
        frames[-1].append(message)
        size += len(message) + 1
    return [b"[%b]" % b",".join(frame) for frame in frames]


async def send_from(outbox: Outbox) -> None:
    """Send until the connection ends: whoever reads from it notices that, too, and says why."""
    with contextlib.suppress(ConnectionClosed):
        await outbox.run()
