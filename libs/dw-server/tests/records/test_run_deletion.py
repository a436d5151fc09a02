"""A run goes with everything that belongs to it: every table is thought of."""

from __future__ import annotations

import re

from durable_workflow.server.records import run_deletion
from durable_workflow.server.store.schema import load_migrations
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
