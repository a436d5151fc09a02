"""Which namespaces exist, remembered: every request asks, and the answer hardly ever changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from durable_workflow.server.store import Store
from durable_workflow.server.views import namespaces

# How long another server's deletion may go unnoticed here.
_REMEMBERED_SECONDS: Final = 5.0


class KnownNamespaces:
    """Remembers for a while the namespaces that were found.

    Whoever deletes one in this process says so with `forget`; another process may delete one, too.
    Names that were not found are not remembered: callers choose them, so there could be any number.

    Args:
        now: Seconds, of a clock that only goes forwards.
    """

    def __init__(self, store: Store, now: Callable[[], float] | None = None) -> None:
        self._store = store
        # Asked for now, not when this module was read: a simulation has a clock of its own.
        self._now = now or time.monotonic
        self._known: dict[str, float] = {}

    async def exists(self, name: str) -> bool:
        """Whether there is a namespace of that name."""
        asked = self._now()
        if asked < self._known.get(name, 0.0):
            return True
        found = await self._store.read(lambda read: namespaces.exists(read, name))
        if found:
            self._known[name] = asked + _REMEMBERED_SECONDS
        else:
            self.forget(name)
        return found

    def forget(self, name: str) -> None:
        """Ask the store again: the namespace has been deleted."""
        self._known.pop(name, None)
