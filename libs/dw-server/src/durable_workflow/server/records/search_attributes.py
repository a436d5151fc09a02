"""Search attributes: their definitions, and the values by which runs are found."""

from __future__ import annotations

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.attributes import AttributeType, indexed
from durable_workflow.server.engine.state import Run
from durable_workflow.server.store.protocol import Read, Tx


def types(read: Read, namespace: str) -> dict[str, AttributeType]:
    """The registered attributes of a namespace, by name, in the order of names."""
    return dict(read.all("search_attribute_types", namespace=namespace))


def insert(tx: Tx, namespace: str, name: str, type_: AttributeType) -> None:
    """Write a new definition."""
    tx.do("insert_search_attribute", namespace=namespace, name=name, type=type_, created_at=tx.now)


def delete(tx: Tx, namespace: str, name: str) -> None:
    """Delete a definition. The values of runs stay."""
    tx.do("delete_search_attribute", namespace=namespace, name=name)


def index(tx: Tx, run: Run, attributes: JsonObject) -> None:
    """Write the values by which a run is found; it has none so far."""
    rows = [
        (
            run.run_id,
            name,
            position,
            run.namespace,
            run.started_at,
            value.kind,
            value.text,
            value.number,
        )
        for position, (name, value) in enumerate(indexed(attributes))
    ]
    tx.do_many("insert_run_attribute", rows)
