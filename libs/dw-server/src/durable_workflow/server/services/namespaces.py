"""Namespaces. Nothing in one can see anything in another."""

from __future__ import annotations

from durable_workflow.server.records import namespaces as records
from durable_workflow.server.store.protocol import Read, Tx


def ensure_default(tx: Tx, name: str) -> None:
    """Create the namespace that the server begins with, if it is not there."""
    records.ensure(tx, name, "Default namespace")


def exists(read: Read, name: str) -> bool:
    """Whether there is a namespace of that name."""
    return records.exists(read, name)
