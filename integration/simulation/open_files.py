"""What simulated processes have open: the operating system closes it when a process dies.

A killed server runs no code any more, so nothing of it closes its database or gives its lock free.
Real descriptors are behind both. They belong to the node that runs when they are opened.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import apsw

from integration.simulation.loop import Node, SimulatedLoop
from integration.simulation.sources import replaced


class OpenFiles:
    """The databases and descriptors that the nodes of a loop have open."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self._databases: dict[Node, list[Any]] = {}
        self._descriptors: dict[int, Node] = {}
        self._open, self._close = os.open, os.close

    @contextmanager
    def watched(self) -> Generator[None]:
        """Note what is opened and closed, and close at the end what is still open."""
        hook = self._database_opened
        apsw.connection_hooks.append(hook)
        try:
            with replaced((os, "open", self._opened), (os, "close", self._closed)):
                yield
        finally:
            apsw.connection_hooks.remove(hook)
            for node in [*self._databases, *self._descriptors.values()]:
                self.close_of(node)

    def close_of(self, node: Node) -> None:
        """Close what a node has open that runs no more; the files stay as they are."""
        for database in self._databases.pop(node, []):
            with suppress(apsw.ConnectionClosedError):
                # Else SQLite would fold the log into the database, as a server does that stops.
                database.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                database.close(True)
        for descriptor in [each for each, owner in self._descriptors.items() if owner is node]:
            self._closed(descriptor)

    def _database_opened(self, database: Any) -> None:
        self._databases.setdefault(self._loop.running, []).append(database)

    def _opened(self, *args: Any, **options: Any) -> int:
        descriptor = self._open(*args, **options)
        self._descriptors[descriptor] = self._loop.running
        return descriptor

    def _closed(self, descriptor: int) -> None:
        self._descriptors.pop(descriptor, None)
        self._close(descriptor)
