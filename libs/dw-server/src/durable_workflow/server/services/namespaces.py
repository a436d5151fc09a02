"""Namespaces: nothing in one ever sees what is in another."""

from __future__ import annotations

from durable_workflow.server.store.protocol import Read, Tx


def ensure_default(tx: Tx, name: str) -> None:
    """Create the namespace that the server begins with, if it is not there."""
    tx.do("ensure_namespace", name=name, description="Default namespace", now=tx.now)


def exists(read: Read, name: str) -> bool:
    """Whether there is a namespace of that name."""
    return read.one("namespace", name=name) is not None
