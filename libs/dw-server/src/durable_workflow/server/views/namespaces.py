"""What is shown of namespaces (control-plane 6)."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.engine.times import offset
from durable_workflow.server.records import namespaces as records
from durable_workflow.server.records.namespaces import Namespace
from durable_workflow.server.refusals import Refused
from durable_workflow.server.store.protocol import Read


def find(read: Read, name: str) -> Namespace:
    """A namespace.

    Raises:
        Refused: There is none of that name.
    """
    found = records.find(read, name)
    if found is None:
        raise not_found(name)
    return found


def not_found(name: str) -> Refused:
    """There is no namespace of that name."""
    return Refused(
        "namespace_not_found",
        f"Namespace '{name}' does not exist.",
        extra={"namespace": name},
    )


def exists(read: Read, name: str) -> bool:
    """Whether there is a namespace of that name."""
    return records.exists(read, name)


def describe(read: Read, name: str) -> dict[str, Any]:
    """One namespace."""
    return shown(find(read, name))


def list_all(read: Read) -> dict[str, Any]:
    """All namespaces, oldest first."""
    return {"namespaces": [shown(namespace) for namespace in records.all_served(read)]}


def shown(namespace: Namespace) -> dict[str, Any]:
    """A namespace as every answer shows it."""
    return {
        "name": namespace.name,
        "description": namespace.description,
        "retention_days": namespace.retention_days,
        "status": namespace.status,
        "external_payload_storage": namespace.external_storage,
        "created_at": offset(namespace.created_at),
        "updated_at": offset(namespace.updated_at),
    }
