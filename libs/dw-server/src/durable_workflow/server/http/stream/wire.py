"""What a stream needs of its socket beyond ASGI: pings, what is unread, a hard end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

# Where the scope of a connection has it, among its extensions.
EXTENSION: Final = "durable_workflow.wire"


class Wire(Protocol):
    """One WebSocket connection."""

    def ping(self, answered: Callable[[], None]) -> None:
        """Send a ping, and call `answered` when anything is heard of the peer."""
        ...

    def unread(self) -> int:
        """Bytes that wait for the peer to read."""
        ...

    def abort(self) -> None:
        """Drop the connection now."""
        ...
