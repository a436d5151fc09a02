"""Commands on namespaces, in every mode of a store: each changes what it has locked."""

from __future__ import annotations

import pytest

from durable_workflow.server.records import namespaces as records
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import CreateNamespace, UpdateNamespace
from durable_workflow.server.services import namespaces
from durable_workflow.server.store.protocol import Store

MADE = CreateNamespace(name="team", description="first")


async def test_what_a_change_leaves_out_stays(store: Store) -> None:
    await store.run(lambda tx: namespaces.create(tx, MADE, retention_days=7))
    changed = UpdateNamespace(name="team", retention_days=3)
    await store.run(lambda tx: namespaces.update(tx, changed))
    found = await store.read(lambda read: records.find(read, "team"))
    assert found is not None
    assert (found.description, found.retention_days) == ("first", 3)


async def test_a_namespace_that_is_going_is_not_changed(store: Store) -> None:
    await store.run(lambda tx: namespaces.create(tx, MADE, retention_days=7))
    await namespaces.begin_deletion(store, "team", default="default")
    with pytest.raises(Refused) as refused:
        await store.run(lambda tx: namespaces.update(tx, UpdateNamespace(name="team")))
    assert refused.value.reason == "namespace_not_found"
    await namespaces.delete(store, "team")
    assert await store.read(records.going) == []


async def test_a_namespace_is_made_once(store: Store) -> None:
    await store.run(lambda tx: namespaces.create(tx, MADE, retention_days=7))
    with pytest.raises(Refused) as refused:
        await store.run(lambda tx: namespaces.create(tx, MADE, retention_days=7))
    assert refused.value.reason == "namespace_already_exists"
