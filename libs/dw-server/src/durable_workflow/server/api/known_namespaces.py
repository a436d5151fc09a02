"""Which namespaces exist, remembered: every request asks, and the answer hardly ever changes."""

from __future__ import annotations

from durable_workflow.server.services import namespaces
from durable_workflow.server.store import Store


class KnownNamespaces:
    """Remembers the namespaces that were found. Whoever deletes one says so with `forget`.

    This process is the only one that changes the store, so nothing else can take one away. Names
    that were not found are asked for again each time: callers choose them, and there is no end of
    them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: set[str] = set()

    async def exists(self, name: str) -> bool:
        """Whether there is a namespace of that name."""
        if name in self._known:
            return True
        found = await self._store.read(lambda read: namespaces.exists(read, name))
        if found:
            self._known.add(name)
        return found

    def forget(self, name: str) -> None:
        """Ask the store again: the namespace has been deleted."""
        self._known.discard(name)
