from __future__ import annotations

from durable_workflow.server.api.known_namespaces import KnownNamespaces
from durable_workflow.server.services import namespaces
from durable_workflow.server.store.sqlite import SqliteStore


async def test_what_was_found_is_remembered_until_it_is_forgotten(store: SqliteStore) -> None:
    known = KnownNamespaces(store)
    assert not await known.exists("a")
    await store.run(lambda tx: namespaces.ensure_default(tx, "a"))
    assert await known.exists("a")

    await store.close()  # only what is remembered can still be answered
    assert await known.exists("a")
    known.forget("a")
    known.forget("never known")


async def test_a_deletion_by_another_process_is_noticed_after_a_while(store: SqliteStore) -> None:
    now = 100.0
    known = KnownNamespaces(store, now=lambda: now)
    await store.run(lambda tx: namespaces.ensure_default(tx, "a"))
    assert await known.exists("a")
    await namespaces.begin_deletion(store, "a", default="default")

    assert await known.exists("a")
    now += 5.0
    assert not await known.exists("a")


async def test_a_deleted_namespace_is_asked_for_again(store: SqliteStore) -> None:
    known = KnownNamespaces(store)
    await store.run(lambda tx: namespaces.ensure_default(tx, "a"))
    assert await known.exists("a")
    known.forget("a")

    assert await known.exists("a")
    assert not await known.exists("b")
