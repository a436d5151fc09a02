"""Fill a file with closed runs, remove them, and print how long that took and held up others.

    python -m integration.benchmarks.retention [--runs 100000] [--events 200000]

One run is made by the services: one activity, as in the other benchmarks. It is copied in the file,
with ids of its own, as often as asked for. While retention works another unit is asked for every
few milliseconds: how long it waits is what everybody else feels.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

import apsw

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.requests import (
    Caller,
    CompleteActivityTask,
    CompleteWorkflowTask,
    Payload,
    PollTask,
    RegisterWorker,
    StartWorkflow,
    TaskOwner,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import (
    activity_claims,
    activity_tasks,
    namespaces,
    retention,
    workers,
    workflow_claims,
    workflow_tasks,
    workflows,
)
from durable_workflow.server.slices import at_once
from durable_workflow.server.store.protocol import Tx, Value
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.sqlite._connection import Connection, connect
from durable_workflow.server.store.statements import load_statements

SETTINGS: Final = ServiceSettings()
DAY: Final = 86_400
# For no longer than this retention may hold the writer.
_MOST_SECONDS: Final = 0.010
ULID: Final = 26
BLOB: Final = {"codec": "avro", "blob": "AApbIngiXQI="}
# What a step of a long run has in these tables.
OF_STEPS: Final = ("history", "activities", "activity_arguments", "past_workflow_tasks")


_Row: TypeAlias = dict[str, Value]


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="retention", description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000, help="0 leaves them out")
    parser.add_argument(
        "--events", type=int, default=200_000, help="of the one long run; 0 likewise"
    )
    return parser.parse_args()


def open_store(path: Path, clock: ManualClock) -> SqliteStore:
    """Open the file."""
    return SqliteStore(
        str(path),
        statements=load_statements("sqlite"),
        migrations=load_migrations("sqlite"),
        clock=clock,
        ids=UlidSource(),
    )


def make_run(tx: Tx) -> None:
    """Run one workflow with one activity to its end."""
    namespaces.ensure_default(tx, "default")
    worker = RegisterWorker(worker_id="py-worker-1", task_queue="q", runtime="python")
    workers.register(tx, "default", worker, SETTINGS)
    start = StartWorkflow(
        workflow_type="one-activity",
        workflow_id="wf",
        task_queue="q",
        arguments=Payload("avro", BLOB["blob"]),
    )
    workflows.start(tx, Caller(namespace="default"), start, SETTINGS)
    scheduled = {"type": "schedule_activity", "activity_type": "echo", "arguments": BLOB}
    _decide(tx, scheduled)
    activity = activity_claims.claim(tx, "default", _poll(), SETTINGS)
    assert activity is not None
    done = CompleteActivityTask(
        task_id=activity["task_id"],
        activity_attempt_id=activity["activity_attempt_id"],
        lease_owner="py-worker-1",
        result=BLOB,
    )
    activity_tasks.complete(tx, "default", done, SETTINGS)
    _decide(tx, {"type": "complete_workflow", "result": BLOB})


def _poll() -> PollTask:
    return PollTask(worker_id="py-worker-1", task_queue="q")


def _decide(tx: Tx, command: dict[str, Any]) -> None:
    task = workflow_claims.claim(tx, "default", _poll(), SETTINGS)
    assert task is not None
    owner = TaskOwner(
        task_id=task["task_id"],
        lease_owner="py-worker-1",
        attempt=task["workflow_task_attempt"],
    )
    complete = CompleteWorkflowTask(owner=owner, commands=[command])
    at_once(workflow_tasks.complete(tx, "default", complete, SETTINGS))


def copy_runs(path: Path, count: int) -> None:
    """Have `count` copies of the run in the file."""
    connection = _connect(path)
    tables = connection.execute(
        "SELECT DISTINCT t.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
        " WHERE t.type = 'table' AND c.name IN ('run_id', 'current_run_id')"
    ).fetchall()
    for (table,) in tables:
        for row in _rows(connection, table):
            _insert(connection, table, (_copied(row, n) for n in range(1, count)), row)
    connection.close()


def lengthen(path: Path, events: int) -> None:
    """Have the run have about so many events, three for each of its steps."""
    connection = _connect(path)
    for table in OF_STEPS:
        rows = _rows(connection, table)
        copies = events // len(rows) if table == "history" else events // 3 // len(rows)
        for place, row in enumerate(rows):
            numbers = (10 + number * len(rows) + place for number in range(copies))
            _insert(connection, table, (_of_step(row, number) for number in numbers), row)
    connection.close()


def _connect(path: Path) -> Connection:
    flags = apsw.SQLITE_OPEN_READWRITE
    return connect(str(path), flags=flags, vfs=None, statement_cache=8)


def _rows(connection: Connection, table: str) -> list[_Row]:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})").fetchall()]
    found = connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
    return [dict(zip(columns, row, strict=True)) for row in found]


def _insert(
    connection: Connection, table: str, rows: Iterable[_Row], columns: Iterable[str]
) -> None:
    names = list(columns)
    places = ", ".join("?" * len(names))
    connection.execute("BEGIN").fetchall()
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})",
        ([row[name] for name in names] for row in rows),
    )
    connection.execute("COMMIT").fetchall()


def _copied(row: _Row, number: int) -> _Row:
    """A row of another run."""
    other = {column: _other_id(column, value, number) for column, value in row.items()}
    return other | ({"workflow_id": f"wf-{number}"} if "workflow_id" in row else {})


def _of_step(row: _Row, number: int) -> _Row:
    """A row of another step of the run."""
    other = {column: _other_id(column, value, number) for column, value in row.items()}
    return other | {"run_id": row["run_id"]} | ({"sequence": number} if "sequence" in row else {})


def _other_id(column: str, value: Value, number: int) -> Value:
    if column.endswith("_id") and isinstance(value, str) and len(value) == ULID:
        # Ids of one moment differ in their last letters.
        return f"{value[:-10]}{number:08d}{value[-2:]}"
    return value


class Held:
    """A store that notes how long each of its units takes."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.read = store.read
        self.seconds: list[float] = []
        self.processor: list[float] = []

    async def run(self, work: Callable[[Tx], Any]) -> Any:
        """Run a unit."""

        def timed(tx: Tx) -> Any:
            began, cpu = time.perf_counter(), time.thread_time()
            try:
                return work(tx)
            finally:
                self.seconds.append(time.perf_counter() - began)
                self.processor.append(time.thread_time() - cpu)

        return await self._store.run(timed)


async def felt(store: SqliteStore, waits: list[float]) -> None:
    """Ask for a unit every few milliseconds, and note how long each waited."""
    while True:
        began = time.perf_counter()
        await store.run(lambda tx: tx.one("namespace", name="default"))
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.003)


async def measured(name: str, fill: Callable[[Path], object]) -> dict[str, Any]:
    """Fill a file, remove all that is in it, and say what that took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        clock = ManualClock()
        store = open_store(path, clock)
        await store.run(make_run)
        await store.close()
        fill(path)
        store = open_store(path, clock)
        clock.advance(40 * DAY)
        before = path.stat().st_size
        held, waits = Held(store), list[float]()
        other = asyncio.create_task(felt(store, waits))
        began, cpu = time.perf_counter(), time.process_time()
        removed = await retention.remove_expired(held)  # type: ignore[arg-type]  # of its shape
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        await store.close()
        waits.sort()
        return {
            "what": name,
            "removed": removed,
            "seconds": round(seconds, 1),
            "processor_seconds": round(cpu, 1),
            "units": len(held.seconds),
            "longest_unit_ms": round(1000 * max(held.seconds), 1),
            "longest_unit_processor_ms": round(1000 * max(held.processor), 1),
            "units_over_10_ms": sum(each > _MOST_SECONDS for each in held.seconds),
            "others_wait_p50_ms": round(1000 * waits[len(waits) // 2], 1),
            "others_wait_p99_ms": round(1000 * waits[len(waits) * 99 // 100], 1),
            "others_wait_longest_ms": round(1000 * waits[-1], 1),
            "file_before_mb": round(before / 1e6, 1),
            "file_after_mb": round(path.stat().st_size / 1e6, 1),
        }


async def main() -> None:
    """Measure both, and print JSON."""
    chosen = options()
    if chosen.events:
        name = f"a run of {chosen.events} events"
        long = await measured(name, lambda path: lengthen(path, chosen.events))
        print(json.dumps(long), flush=True)
    if chosen.runs:
        several = await measured(f"{chosen.runs} runs", lambda path: copy_runs(path, chosen.runs))
        print(json.dumps(several), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
