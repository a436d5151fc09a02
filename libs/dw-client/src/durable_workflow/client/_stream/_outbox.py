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

# A frame ends here; a larger message is alone in one.
FRAME_BYTES: Final = 4 * 1024 * 1024


def encode(message: dict[str, Any]) -> bytes:
    """A message as JSON text.

    Raises:
        ValueError: JSON cannot carry it: NaN, or keys that collide as text.
        TypeError: Neither can it carry this.
    """
    return json_text.encode_bytes(message)


def numbered(text: bytes, number: int) -> bytes:
    """An encoded message with its id."""
    return b"".join((b'{"id":%d,' % number, memoryview(text)[1:]))


class Outbox:
    """What waits to be sent over one connection.

    Args:
        connection: It.
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

    def put(self, text: bytes) -> None:
        """Send a message with all others of this turn of the event loop. In its thread."""
        if not self._waiting:
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
