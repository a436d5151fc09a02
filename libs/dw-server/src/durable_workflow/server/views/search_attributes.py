"""Which search attributes there are (control-plane 9)."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.engine.attributes import SYSTEM
from durable_workflow.server.records import search_attributes
from durable_workflow.server.store.protocol import Read


def list_attributes(read: Read, namespace: str) -> dict[str, Any]:
    """What every run has, and what the namespace has registered, by name."""
    return {
        "system_attributes": dict(SYSTEM),
        "custom_attributes": search_attributes.types(read, namespace),
    }
