"""Namespaces. Nothing in one can see anything in another (control-plane 6)."""

from __future__ import annotations

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.external_payloads import ExternalPayloads
from durable_workflow.server.notices import NamespaceGone
from durable_workflow.server.records import namespaces as records
from durable_workflow.server.records import schedules
from durable_workflow.server.records.namespaces import ACTIVE, DELETED, Namespace
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    CreateNamespace,
    SetExternalStorage,
    UpdateNamespace,
)
from durable_workflow.server.services import retention
from durable_workflow.server.store.protocol import Store, Tx
from durable_workflow.server.views.namespaces import not_found, shown


def ensure_default(tx: Tx, name: str, retention_days: int = 30) -> None:
    """Create the namespace that the server begins with, if it is not there."""
    records.ensure(tx, name, "Default namespace", retention_days)


def create(tx: Tx, asked: CreateNamespace, *, retention_days: int) -> Reply:
    """Create a namespace.

    Args:
        retention_days: Where the caller names none.
    """
    if records.exists(tx, asked.name):
        raise Refused(
            "namespace_already_exists",
            f"Namespace '{asked.name}' exists already.",
            extra={"namespace": asked.name},
        )
    if asked.name in records.going(tx):
        raise Refused(
            "namespace_already_exists",
            f"Namespace '{asked.name}' is still being deleted. Try again later.",
            extra={"namespace": asked.name},
        )
    new = Namespace(
        name=asked.name,
        description=asked.description,
        retention_days=asked.retention_days or retention_days,
        status=ACTIVE,
        created_at=tx.now,
        updated_at=tx.now,
    )
    records.insert(tx, new)
    return Reply(shown(new), form="created")


def update(tx: Tx, asked: UpdateNamespace) -> Reply:
    """Change a namespace; what the caller leaves out stays."""
    known = _lock(tx, asked.name)
    changed = msgspec.structs.replace(
        known,
        description=asked.description if asked.description is not None else known.description,
        retention_days=asked.retention_days or known.retention_days,
        updated_at=tx.now,
    )
    records.save(tx, changed)
    return Reply(shown(changed))


def set_external_storage(tx: Tx, asked: SetExternalStorage) -> Reply:
    """Replace the policy of a namespace's large payloads."""
    known = _lock(tx, asked.name)
    policy: JsonObject = {
        "driver": asked.driver,
        "enabled": asked.enabled,
        "threshold_bytes": asked.threshold_bytes,
    }
    config: JsonObject = msgspec.to_builtins(asked.config)
    if config:
        policy["config"] = config
    changed = msgspec.structs.replace(known, external_storage=policy, updated_at=tx.now)
    records.save(tx, changed)
    return Reply(shown(changed))


async def begin_deletion(store: Store, name: str, *, default: str) -> str:
    """Have nobody find a namespace any more; its name.

    Args:
        default: The namespace that stays.
    """
    if name == default:
        raise Refused(
            "default_namespace_protected",
            f"Namespace '{name}' is the default and cannot be deleted.",
            extra={"namespace": name},
        )

    def close(tx: Tx) -> None:
        known = _lock(tx, name)
        records.save(tx, msgspec.structs.replace(known, status=DELETED, updated_at=tx.now))
        tx.notify(NamespaceGone(name))

    await store.run(close)
    return name


async def delete(store: Store, name: str, payloads: ExternalPayloads | None = None) -> Reply:
    """Delete a namespace that nobody finds any more with everything in it, piece by piece.

    What is cut short is finished when the server starts.
    """
    counts = await _finish(store, name, payloads)
    return Reply({"name": name, "status": DELETED, "deleted": counts})


async def finish_deletions(store: Store, payloads: ExternalPayloads | None = None) -> None:
    """Finish what a server that has stopped began."""
    for name in await store.read(records.going):
        await _finish(store, name, payloads)


def _lock(tx: Tx, name: str) -> Namespace:
    known = records.lock(tx, name)
    if known is None:
        raise not_found(name)
    return known


async def _finish(store: Store, name: str, payloads: ExternalPayloads | None) -> dict[str, int]:
    runs = 0
    while removed := await store.run(lambda tx: records.remove_some_runs(tx, name)):
        runs += removed
        await retention.sweep(store, payloads)
    while await store.run(lambda tx: schedules.delete_some_events(tx, name)):
        pass
    rest = await store.run(lambda tx: records.delete(tx, name))
    if payloads is not None:
        await payloads.delete_released()  # of schedules
    return {"workflow_runs": runs, **rest}
