"""A run goes with everything that belongs to it: every table is thought of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import apsw
import pytest

from durable_workflow.server.records import run_deletion
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite._connection import connect
from durable_workflow.server.store.sqlite._database import MEMORY, Database
from durable_workflow.server.store.statements import load_statements

# They name runs, and are not theirs: the current run of a workflow id.
OF_NO_RUN = {"workflow_instances"}


def tables_with(column: str) -> set[str]:
    database = Database(MEMORY, load_migrations("sqlite"), now=0, vfs=None)
    rows = database.writer.execute(
        "SELECT t.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
        " WHERE t.type = 'table' AND c.name = ?",
        (column,),
    ).fetchall()
    database.close()
    return {row[0] for row in rows}


def deleted_by(column: str) -> set[str]:
    pattern = re.compile(rf"DELETE FROM (\w+)\s+WHERE {column} = ")
    texts = [statement.text for statement in load_statements("sqlite").values()]
    return {table for text in texts for table in pattern.findall(text)}


def test_every_table_with_rows_of_runs_is_emptied_of_a_run() -> None:
    assert tables_with("run_id") - OF_NO_RUN <= deleted_by("run_id")


def test_every_statement_that_empties_a_table_is_run() -> None:
    named = {name for name in load_statements("sqlite") if name.startswith("delete_run")}
    assert named - {"delete_run_attributes"} == set(run_deletion.STATEMENTS)
    assert list(run_deletion.STATEMENTS)[-1] == "delete_run"


def test_every_table_with_rows_of_namespaces_is_emptied_of_one() -> None:
    by_run = deleted_by("run_id")
    assert tables_with("namespace") - by_run <= deleted_by("namespace")


LARGE = 300_000
# The columns of a row of each table that may hold something large, which is the last one.
LARGE_ROWS: dict[str, dict[str, Any]] = {
    "history": {"event_type": "", "events": 1, "record": b"x" * LARGE},
    "closed_history": {"events": 1, "record": b"x" * LARGE},
    "activity_arguments": {"arguments": "x" * LARGE},
    "large_strings": {"string": b"x" * LARGE},
    "updates": {
        "namespace": "n",
        "workflow_id": "w",
        "command_id": "c",
        "command_sequence": 1,
        "update_name": "u",
        "position": 1,
        "status": "completed",
        "result": "x" * LARGE,
    },
    "buffered_events": {
        "kind": "k",
        "ref": "r",
        "event_type": "t",
        "context": "{}",
        "payload": b"x" * LARGE,
    },
    "held_results": {"event_type": "t", "task_id": "t", "payload": b"x" * LARGE},
    "commands": {
        "command_id": "c",
        "namespace": "n",
        "workflow_id": "w",
        "type": "signal",
        "target_scope": "run",
        "status": "accepted",
        "context": b"{}",
        "created_at": 1,
        "payload": "x" * LARGE,
    },
}
KEYS = {"large_strings": "digest", "updates": "update_id", "buffered_events": "position"}
ROWS = 20


class Reads(apsw.VFS):
    """The system's files; it counts the bytes that are read."""

    def __init__(self) -> None:
        self.bytes = 0
        super().__init__("counting-reads", "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return ReadFile(self, name, flags)


class ReadFile(apsw.VFSFile):
    def __init__(self, reads: Reads, name: Any, flags: list[int]) -> None:
        self._reads = reads
        super().__init__("", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:
        self._reads.bytes += amount
        return super().xRead(amount, offset)


@pytest.mark.parametrize("table", LARGE_ROWS)
def test_to_delete_one_large_row_only_that_one_is_read(table: str, tmp_path: Path) -> None:
    """Nobody else is served meanwhile."""
    path = str(tmp_path / "state.db")
    database = Database(path, load_migrations("sqlite"), now=0, vfs=None)
    key = KEYS.get(table, "sequence")
    columns = ["run_id", key, *LARGE_ROWS[table]]
    database.writer.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        [("r", number, *LARGE_ROWS[table].values()) for number in range(ROWS)],
    )
    database.close()
    statement = load_statements("sqlite")[f"delete_run_{table}"]
    reads = Reads()
    connection = connect(
        path, flags=apsw.SQLITE_OPEN_READWRITE, vfs="counting-reads", statement_cache=0
    )

    deleted = connection.execute(
        statement.text, {"run_id": "r", "most": 64, "most_bytes": LARGE}
    ).fetchall()

    read_bytes = reads.bytes
    [(left,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    connection.close()
    reads.unregister()
    assert (len(deleted), left) == (1, ROWS - 1)
    assert read_bytes < 2 * LARGE


def test_whatever_has_large_rows_is_deleted_by_bytes() -> None:
    of_bytes = {
        name
        for name, statement in load_statements("sqlite").items()
        if name in run_deletion.STATEMENTS and "most_bytes" in statement.parameters
    }
    assert of_bytes == {f"delete_run_{table}" for table in LARGE_ROWS}
