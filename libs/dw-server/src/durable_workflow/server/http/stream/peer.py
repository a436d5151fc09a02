"""The other end of the calls of a stream."""

from __future__ import annotations

import asyncio

from durable_workflow.server.api import Origin


class Peer:
    """The other end of the calls of a stream, which are never held."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def gone(self) -> asyncio.Future[None]:
        """Never done."""
        return asyncio.get_running_loop().create_future()

    def has_left(self) -> bool:
        """It is asked nothing."""
        return False

    def origin(self) -> Origin:
        """Where the stream came from."""
        return self._origin
