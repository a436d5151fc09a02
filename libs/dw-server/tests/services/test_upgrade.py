"""A file that another release of the server has written: its runs go on."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from durable_workflow.server.engine.attributes import moment
from durable_workflow.server.engine.state import RunDetails
from durable_workflow.server.filters import Among, Attribute, Moment, Range
from durable_workflow.server.records import runs
from durable_workflow.server.records.history_rows import records_of
from durable_workflow.server.records.packing import packed
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store import RunSearch
from durable_workflow.server.store.protocol import Store, Tx
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite._connection import Connection, connect
from integration.harness.runs import plain_run

ADDED = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+)")
INDEXED = re.compile(r"CREATE INDEX (\w+)")
CREATED = re.compile(r"CREATE TABLE (\w+)")
# What these make anew they make of what they have made, too.
REPEATABLE = {"less_space", "moments"}
RENAMED = re.compile(r"ALTER TABLE (\w+) RENAME TO (\w+)")


def take_back(path: Path, version: int) -> None:
    """Make the file one of the schema `version`: what came later is gone, with what was in it."""
    readwrite = apsw.SQLITE_OPEN_READWRITE
    connection = connect(str(path), flags=readwrite, vfs=None, statement_cache=0)
    for migration in reversed(load_migrations("sqlite")[version:]):
        if migration.name in REPEATABLE:
            continue
        if migration.name == "history_packs":
            one_event_a_row(connection)
        added, created = ADDED.findall(migration.text), CREATED.findall(migration.text)
        renamed, indexed = dict(RENAMED.findall(migration.text)), INDEXED.findall(migration.text)
        assert added or created or renamed or indexed, (
            f"{migration.name} adds and renames nothing: say how it is undone"
        )
        for before, after in renamed.items():
            if before not in created:
                connection.execute(f"ALTER TABLE {after} RENAME TO {before}")
        for index in indexed:
            connection.execute(f"DROP INDEX IF EXISTS {index}")
        for table in set(created).difference(renamed):
            connection.execute(f"DROP TABLE {table}")
        for table, column in added:
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    connection.execute("DELETE FROM schema_migrations WHERE version > ?", (version,))
    connection.close()


def one_event_a_row(connection: Connection) -> None:
    rows = connection.execute("SELECT rowid, run_id, sequence, events, record FROM history")
    for row_id, run_id, sequence, events, record in rows.fetchall():
        connection.execute("DELETE FROM history WHERE rowid = ?", (row_id,))
        for at, text in enumerate(records_of(events, record), sequence - events + 1):
            event_type = msgspec.json.decode(text)["event_type"]
            connection.execute(
                "INSERT INTO history (run_id, sequence, event_type, record) VALUES (?, ?, ?, ?)",
                (run_id, at, event_type, packed(text)),
            )


@pytest.mark.parametrize("version", range(1, len(load_migrations("sqlite"))))
async def test_runs_in_a_file_of_an_older_schema_go_on(
    open_sqlite: Callable[..., Store],
    server_class: Any,
    commands: Any,
    clock: Any,
    tmp_path: Path,
    version: int,
) -> None:
    path = tmp_path / "state.db"
    store = open_sqlite(str(path))
    server = await server_class(store, clock).open()
    await server.start("blocked")
    await server.decide(commands.activity(), commands.activity())
    await server.complete_activity(await server.activity())
    leased_activity = await server.activity()
    await server.start("waiting")
    await server.decide(commands.wait(timeout_seconds=60))
    await server.start("wf")
    leased = await server.task()
    accepted = await server.update("add")
    await server.start("ready")
    await store.close()
    take_back(path, version)

    again = open_sqlite(str(path))
    assert (await again.check()).missing_migrations == []
    server = server_class(again, clock)
    await server.complete(leased, commands.wait())
    await server.complete_activity(leased_activity)
    await server.pass_time(60)
    ended: set[str] = set()
    while (task := await server.poll()) is not None:
        update_id = task["workflow_update_id"]
        if update_id is not None:
            done = {"type": "complete_update", "update_id": update_id, "result": "5"}
            await server.complete(task, done)
        else:
            await server.complete(task, commands.done())
            ended.add(task["workflow_id"])
    assert ended == {"blocked", "waiting", "wf", "ready"}
    update = await server.update_now(accepted.body["update_id"])
    assert update.body["update_status"] == "completed"
    for workflow_id in ended:
        sequences = [event["sequence"] for event in await server.events(workflow_id)]
        assert sequences == list(range(1, len(sequences) + 1))


async def test_dates_in_a_file_of_an_older_schema_are_moments(
    open_sqlite: Callable[..., Store], tmp_path: Path
) -> None:
    path = tmp_path / "state.db"
    # As registered attributes were kept, and as others were.
    written = [
        "1970-01-01T00:00:00.000001Z",
        "1970-01-01T01:00:00.5+01:00",
        "1970-01-02",
        "1970-01-02T03:04",
        "1960-01-01 00:00:00.999999-02:30",
        "9999-12-31T23:59:59.999999",
        "2026-04-22T06:24:00.123456+00:00",
        "2026-04-22T06:24:01.9999Z",
        "2026-04-22T06:24:02.9999999Z",
        "2026-02-30",
        "x",
    ]

    def insert(tx: Tx) -> None:
        for number, text in enumerate(written):
            run = plain_run(run_id=str(number), workflow_id=str(number), namespace="default")
            runs.insert(tx, run)
            details = RunDetails(run.run_id, None, search_attributes={"Due": text})
            runs.insert_details(tx, run, details)

    store = open_sqlite(str(path))
    await store.run(insert)
    await store.close()
    take_back(path, 29)
    flags = apsw.SQLITE_OPEN_READWRITE
    connection = connect(str(path), flags=flags, vfs=None, statement_cache=0)
    connection.execute("DELETE FROM run_attributes WHERE kind = 'd'")
    connection.close()

    again = open_sqlite(str(path))
    for number, text in enumerate(written):
        at = moment(text)
        value = text if at is None else Moment(at)
        condition = Among(Attribute("Due", single=True), (value,))
        search = RunSearch(namespace="default", condition=condition, after=None, most=9)
        found = [key.run_id for key in await again.search(search)]
        assert found == [str(number)], text
    after = Range(field=Attribute("Due", single=True), low=Moment(-(2**62)))
    search = RunSearch(namespace="default", condition=after, after=None, most=99)
    found = [key.run_id for key in await again.search(search)]
    dates = [str(number) for number, text in enumerate(written) if moment(text) is not None]
    assert sorted(found) == sorted(dates)


async def test_an_update_waits_for_nothing_where_a_server_left_the_mark_that_knows_none(
    server: Any, store: Store, commands: Any
) -> None:
    run_id = (await server.start()).body["run_id"]
    await server.decide(commands.wait())

    def leave_the_mark(tx: Tx) -> None:
        unit = Unit(tx, server.settings)
        run = unit.run(run_id)
        run.updates_wait = True
        unit.touch(run)
        unit.finish()

    await store.run(leave_the_mark)
    update_id = (await server.update("add")).body["update_id"]
    assert (await server.task())["workflow_update_id"] == update_id
