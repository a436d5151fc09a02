"""Group commit: what others make of the notices does not keep units from their answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from durable_workflow.server.notices import DueAt, Notice
from durable_workflow.server.store import Tx
from durable_workflow.server.store.schema import Migration
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.sqlite._database import MEMORY
from durable_workflow.server.store.statements import Statement


def put(name: str) -> Callable[[Tx], None]:
    def work(tx: Tx) -> None:
        tx.notify(DueAt(1))
        tx.do("put_box", name=name, content=1, data=None)

    return work


async def test_units_are_committed_and_published_where_nobody_could_be_told_before(
    open_file: Callable[..., SqliteStore],
    notices: list[Notice],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def dispatch_before_commit(notices: Sequence[Notice]) -> Sequence[Notice]:
        raise RuntimeError("on purpose")

    store = open_file(dispatch_before_commit=dispatch_before_commit)
    await store.run(put("a"))
    await store.run(put("b"))

    assert await store.read(lambda read: read.all("list_boxes")) == [("a",), ("b",)]
    assert notices == [DueAt(1), DueAt(1)]
    # The mistake is the event loop's to report.
    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [str(record.exc_info and record.exc_info[1]) for record in said] == ["on purpose"] * 2


async def test_a_unit_that_raises_what_no_future_takes_fails_alone(
    open_file: Callable[..., SqliteStore],
) -> None:
    def stop(tx: Tx) -> None:
        raise StopIteration

    store = open_file()
    async with asyncio.timeout(5):
        failed, done = await asyncio.gather(
            store.run(stop), store.run(put("a")), return_exceptions=True
        )
    assert isinstance(failed, RuntimeError)
    assert done is None
    await store.run(put("b"))


@pytest.mark.parametrize("in_memory", [True, False])
async def test_no_statement_is_prepared_anew_because_of_reads(
    open_sqlite: Callable[..., SqliteStore],
    box_statements: dict[str, Statement],
    box_migrations: list[Migration],
    tmp_path: Path,
    in_memory: bool,
) -> None:
    location = MEMORY if in_memory else str(tmp_path / "boxes.db")
    store = open_sqlite(location, statements=box_statements, migrations=box_migrations)
    await store.run(put("a"))
    await store.read(lambda read: read.all("list_boxes"))
    prepared = 0

    def count(what: dict[str, Any]) -> None:
        nonlocal prepared
        prepared += what["stmt_status"]["SQLITE_STMTSTATUS_REPREPARE"]

    database: Any = store._database  # pyright: ignore[reportPrivateUsage]
    for connection in {database.reader, database.writer}:
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, count)
    for number in range(5):
        await store.run(put(f"b{number}"))
        await store.read(lambda read: read.all("list_boxes"))
    assert prepared == 0
