"""Namespaces."""

from __future__ import annotations

from durable_workflow.server.store.protocol import Read, Tx


def ensure(tx: Tx, name: str, description: str) -> None:
    """Write a namespace, if it is not there."""
    tx.do("ensure_namespace", name=name, description=description, now=tx.now)


def exists(read: Read, name: str) -> bool:
    """Whether there is a namespace of that name."""
    return read.one("namespace", name=name) is not None
