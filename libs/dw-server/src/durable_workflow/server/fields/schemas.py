"""Schemas of fields, for the description of the API: each kind says what it takes."""

from __future__ import annotations

from typing import Protocol

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.fields.limits import WireLimits


class Described(Protocol):
    """A table of fields."""

    def schema(self, schemas: Schemas) -> JsonObject:
        """The objects that are read, as a JSON Schema."""
        ...


class Schemas:
    """Collects what several schemas refer to.

    Args:
        longest_page: Events that a page of a task's history may have.

    Attributes:
        components: By name.
    """

    def __init__(self, limits: WireLimits, longest_page: int) -> None:
        self.limits = limits
        self.longest_page = longest_page
        self.components: dict[str, JsonObject] = {}

    def component(self, name: str, schema: JsonObject) -> JsonObject:
        """A reference to a schema of that name."""
        self.components.setdefault(name, schema)
        return _reference(name)

    def of_table(self, name: str, table: Described) -> JsonObject:
        """A reference to the schema of a table."""
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = table.schema(self)
        return _reference(name)


def _reference(name: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{name}"}
