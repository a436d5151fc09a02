"""Namespaces."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.records import (
    instances,
    run_deletion,
    runs,
    schedules,
    search_attributes,
)
from durable_workflow.server.records.columns import Params, text, value
from durable_workflow.server.store.protocol import Key, Read, Row, Tx

ACTIVE: Final = "active"
# Its rows are going: nobody finds it any more.
DELETED: Final = "deleted"

# A transaction that removes more would hold up everybody else.
_RUNS_AT_ONCE: Final = 20


class Namespace(msgspec.Struct):
    """A namespace.

    Attributes:
        external_storage: The policy of its large payloads, as it is shown.
    """

    name: str
    description: str | None
    retention_days: int
    status: str
    created_at: int
    updated_at: int
    external_storage: JsonObject | None = None


def ensure(tx: Tx, name: str, description: str, retention_days: int = 30) -> None:
    """Write a namespace, if it is not there."""
    tx.do(
        "ensure_namespace",
        name=name,
        description=description,
        retention_days=retention_days,
        now=tx.now,
    )


def exists(read: Read, name: str) -> bool:
    """Whether there is a namespace of that name."""
    return read.one("namespace", name=name) is not None


def find(read: Read, name: str) -> Namespace | None:
    """A namespace that is served, or None."""
    row = read.one("namespace", name=name)
    return None if row is None else _load(row)


def lock(tx: Tx, name: str) -> Namespace | None:
    """A namespace that is served, locked: no other unit changes it before this one ends."""
    row = tx.one("namespace_to_change", name=name)
    return None if row is None else _load(row)


def all_served(read: Read) -> list[Namespace]:
    """All namespaces that are served, oldest first."""
    return [_load(row) for row in read.all("namespaces")]


def going(read: Read) -> list[str]:
    """The names of those whose deletion was begun."""
    return [row[0] for row in read.all("namespaces_going")]


def insert(tx: Tx, namespace: Namespace) -> None:
    """Write a new namespace."""
    tx.do("insert_namespace", **_params(namespace))


def save(tx: Tx, namespace: Namespace) -> None:
    """Write what may change of a namespace."""
    params = _params(namespace)
    del params["created_at"]
    tx.do("save_namespace", **params)


def remove_some_runs(tx: Tx, name: str) -> int:
    """Have nobody find some of its runs any more; how many. None are left where it is 0."""
    rows = tx.all("some_runs_of_namespace", namespace=name, most=_RUNS_AT_ONCE)
    found = [runs.load(row) for row in rows]
    for workflow_id in sorted({run.workflow_id for run in found}):
        instances.lock(tx, name, workflow_id)
    for run in sorted(found, key=attrgetter("run_id")):
        tx.lock(Key.run(run.run_id))
        run_deletion.remove(tx, run)
    return len(found)


def delete(tx: Tx, name: str) -> dict[str, int]:
    """Delete a namespace that has no runs; how many of each kind went with it."""
    workers = tx.one("count_workers_of_namespace", namespace=name)
    assert workers is not None
    counts = {
        "workflow_schedules": schedules.delete_all(tx, name),
        "search_attribute_definitions": len(search_attributes.types(tx, name)),
        "workflow_worker_registrations": int(workers[0]),
    }
    tx.do("delete_workers_of_namespace", namespace=name)
    tx.do("delete_deregistered_of_namespace", namespace=name)
    tx.do("delete_rollouts_of_namespace", namespace=name)
    tx.do("delete_fair_shares_of_namespace", namespace=name)
    tx.do("delete_dispatch_counts_of_namespace", namespace=name)
    tx.do("delete_search_attributes_of_namespace", namespace=name)
    tx.do("delete_instances_of_namespace", namespace=name)
    tx.do("delete_kept_answers_of_namespace", namespace=name)
    tx.do("delete_namespace", name=name)
    return counts


def _load(row: Row) -> Namespace:
    name, description, retention_days, status, created_at, updated_at, storage = row
    return Namespace(
        name, description, retention_days, status, created_at, updated_at, value(storage)
    )


def _params(namespace: Namespace) -> Params:
    fields: dict[str, Any] = msgspec.structs.asdict(namespace)
    return {**fields, "external_storage": text(namespace.external_storage)}
