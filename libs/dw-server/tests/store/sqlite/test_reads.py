"""Reads that take long: beside everything else, and never in the way of closing."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.server.clock import SystemClock
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.store import StoreUnavailable
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.statements import load_statements

ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"


def opened(location: Path | str) -> SqliteStore:
    return SqliteStore(
        str(location),
        statements=load_statements("sqlite"),
        migrations=load_migrations("sqlite"),
        clock=SystemClock(),
        ids=UlidSource(),
    )


async def test_a_long_read_holds_up_nobody_and_ends_when_the_store_is_closed(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path / "state.db")
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def look(read: Any) -> object:
        loop.call_soon_threadsafe(begun.set)
        return read.select(ENDLESS, {})

    reading = asyncio.create_task(store.read_apart(look))
    await asyncio.wait_for(begun.wait(), 10)
    assert await store.run(lambda tx: tx.one("count_namespaces")) == (0,)
    assert await store.read(lambda read: read.one("count_namespaces")) == (0,)
    assert not reading.done()

    await store.close()

    with pytest.raises(StoreUnavailable):
        await reading
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.read_apart(look)


async def test_a_read_whose_statement_begins_while_the_store_is_closed_ends(tmp_path: Path) -> None:
    store = opened(tmp_path / "state.db")
    loop, begun, closing = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def look(read: Any) -> object:
        loop.call_soon_threadsafe(begun.set)
        closing.wait(10)
        time.sleep(0.05)  # so that the first interruption finds no statement
        return read.select(ENDLESS, {})

    reading = asyncio.create_task(store.read_apart(look))
    await asyncio.wait_for(begun.wait(), 10)
    closing.set()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await reading


async def test_a_read_apart_is_of_one_moment_and_changes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path / "state.db")
    loop = asyncio.get_running_loop()

    def look(read: Any) -> tuple[object, object]:
        before = read.one("count_namespaces")
        writing = store.run(
            lambda tx: tx.do(
                "ensure_namespace", name="a", description=None, retention_days=1, now=1
            )
        )
        asyncio.run_coroutine_threadsafe(writing, loop).result(10)
        return before, read.one("count_namespaces")

    assert await store.read_apart(look) == ((0,), (0,))
    assert await store.read_apart(lambda read: read.one("count_namespaces")) == (1,)
    await store.close()


async def test_a_store_in_memory_reads_apart_too() -> None:
    store = opened(":memory:")
    assert await store.read_apart(lambda read: read.one("count_namespaces")) == (0,)
    assert store.sizes() is None
    await store.close()
