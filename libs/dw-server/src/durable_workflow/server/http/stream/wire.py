"""What a stream needs of its socket beyond ASGI: pings, short cuts, what is unread, a hard end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

# Where the scope of a connection has it, among its extensions.
EXTENSION: Final = "durable_workflow.wire"
# The member of an event that has a message in ASCII as the bytes that it came in, and no `text`.
ASCII: Final = "durable_workflow.ascii"


class Listener(Protocol):
    """Takes short messages as they are, without their being received."""

    def may_wait(self, text: bytes) -> bool:
        """Whether a message may wait a moment, so that many are taken together."""
        ...

    def take(self, text: bytes) -> bool:
        """Take a frame; where that is not done it is received as others are."""
        ...


class Wire(Protocol):
    """One WebSocket connection."""

    def ping(self, answered: Callable[[], None]) -> None:
        """Send a ping, and call `answered` when anything is heard of the peer."""
        ...

    def listen(self, listener: Listener) -> None:
        """Have short messages shown to `listener`, those that may wait for each other together.

        They are received in order all the same: what arrives later waits for them.
        """
        ...

    def write(self, text: bytes) -> bool:
        """Send a message at once; False, and nothing is sent, where it would have to wait."""
        ...

    def unread(self) -> int:
        """Bytes that wait for the peer to read."""
        ...

    def abort(self) -> None:
        """Drop the connection now."""
        ...
