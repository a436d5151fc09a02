"""Which namespaces exist, remembered: every request asks, and the answer hardly ever changes."""

from __future__ import annotations

from durable_workflow.server.store import Store
from durable_workflow.server.views import namespaces


class KnownNamespaces:
    """Remembers the namespaces that were found. Whoever deletes one says so with `forget`.

    Only this process changes the store, so no namespace disappears unnoticed. Names that were not
    found are not remembered: callers choose them, so there could be any number.
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
