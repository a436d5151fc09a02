"""A bound on what the server holds of what peers have sent, whoever they are.

A body is held from its first byte to the answer, and what it was parsed into with it: a megabyte of
empty lists becomes thirty. Small requests are always taken. A large one is refused while all
together hold too much; the peer may send it again.
"""

from __future__ import annotations

from typing import Final

from durable_workflow.server.refusals import Refused
from durable_workflow.server.structure import structure_of
from durable_workflow.server.throttle import Throttle

# What all together may hold, and what nobody is refused for.
_MOST_BYTES: Final = 128 * 1024 * 1024
SMALL_BYTES: Final = 16 * 1024
# What grows by more when it is parsed takes milliseconds, in which nobody else is served.
DENSE_BYTES: Final = 2 * 1024 * 1024
# A value in a list or an object takes at least so much.
_VALUE_BYTES: Final = 64


class Incoming:
    """What is held of all requests and messages.

    Args:
        largest: Bytes of the largest request: two of those always fit.
    Attributes:
        held: Bytes.
        dense: Has the parsing of large texts of many small values wait for its turn.
    """

    def __init__(self, largest: int = 0) -> None:
        self.held = 0
        self.dense = Throttle()
        self._most = max(_MOST_BYTES, 2 * largest)

    def is_full(self) -> bool:
        """Whether no large request should be taken."""
        return self.held > self._most


class Share:
    """What is held of one request or message."""

    __slots__ = ("_incoming", "_size")

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._size = 0

    def add(self, size: int) -> None:
        """Hold more.

        Raises:
            Refused: It is large, and all together hold too much.
        """
        self._size += size
        self._incoming.held += size
        if self._size > SMALL_BYTES and self._incoming.is_full():
            raise Refused("server_busy", "The server holds too many large requests. Try again.")

    def release(self) -> None:
        """Hold nothing any more."""
        self._incoming.held -= self._size
        self._size = 0


def parsed_size(text: bytes) -> int:
    """About how many bytes a JSON text takes more when it is parsed; 0 if it is small."""
    if len(text) <= SMALL_BYTES:
        return 0
    text = structure_of(text)
    return _VALUE_BYTES * (text.count(b",") + text.count(b"[") + text.count(b"{"))
