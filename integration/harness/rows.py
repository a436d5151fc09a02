"""What the rows of a store must say of each other, at any commit and when all has ended.

Tests look at answers first. These look at the state file itself, because nobody asks about the run
that nothing will move: it is open, and looks like one that waits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import apsw

from durable_workflow._wire.names import STANDALONE_ACTIVITY

# Rows that nobody would ever look at again once all runs have ended, by what they are.
_LEFT: Final = {
    "open runs": (
        "SELECT workflow_id, workflow_type, status, task_status, blocked_on FROM runs "
        "WHERE closed_at IS NULL"
    ),
    "leased workflow tasks": "SELECT run_id FROM runs WHERE lease_owner IS NOT NULL",
    "due runs": "SELECT run_id FROM runs WHERE due_at IS NOT NULL",
    "open activities": "SELECT execution_id, status FROM activities WHERE closed_at IS NULL",
    "due activities": "SELECT execution_id FROM activities WHERE due_at IS NOT NULL",
    "timers": "SELECT timer_id, status FROM timers WHERE status NOT IN ('fired', 'cancelled')",
    "updates": "SELECT update_id, status FROM updates WHERE closed_at IS NULL",
    "buffered events": "SELECT run_id, kind FROM buffered_events",
    "held results": "SELECT run_id, event_type FROM held_results",
    "things set aside": "SELECT source, item, error FROM set_aside",
    "rows of removed runs": "SELECT run_id FROM runs WHERE namespace = ''",
}

_OF_RUNS: Final = (
    "runs",
    "run_details",
    "history",
    "closed_history",
    "activities",
    "activity_arguments",
    "large_strings",
    "past_attempts",
    "past_workflow_tasks",
    "timers",
    "child_links",
    "updates",
    "commands",
    "workflow_instances",
)

# What names a run that is not there any more: rows that a removal has forgotten.
_OF_NOBODY: Final = {
    f"{table} of runs that were removed": (
        f"SELECT {column} FROM {table} WHERE {column} NOT IN (SELECT run_id FROM runs)"
    )
    for table in (*_OF_RUNS, "run_attributes")
    for column in ["current_run_id" if table == "workflow_instances" else "run_id"]
}

# The steps that a run waits for: none of them is open in a run that has ended.
_OPEN_STEPS: Final = """
    (SELECT count(*) FROM activities AS a WHERE a.run_id = r.run_id AND a.closed_at IS NULL)
    + (
        SELECT count(*) FROM timers AS t
        WHERE t.run_id = r.run_id AND t.status = 'pending' AND t.wait_id IS NULL
    )
    + (SELECT count(*) FROM child_links AS c WHERE c.run_id = r.run_id AND c.status = 'pending')
"""
_OPEN_UPDATES: Final = (
    "(SELECT count(*) FROM updates AS u WHERE u.run_id = r.run_id AND u.closed_at IS NULL)"
)
_OPEN_RUNS: Final = "FROM runs AS r WHERE r.closed_at IS NULL"
_WORKFLOWS: Final = f"{_OPEN_RUNS} AND r.workflow_type <> '{STANDALONE_ACTIVITY}'"

# What is open and would never go on by itself, or with something missing, by what it is.
_STRANDED: Final = {
    "runs that nothing will move": f"""
        SELECT r.run_id, r.workflow_id {_WORKFLOWS}
        AND r.task_id IS NULL AND r.batch_open = 0 AND r.wait_id IS NULL
    """,
    "runs whose updates nobody is asked to apply": f"""
        SELECT r.run_id, r.workflow_id {_WORKFLOWS} AND r.task_id IS NULL AND {_OPEN_UPDATES} > 0
    """,
    "runs that were signalled and wait on": f"""
        SELECT r.run_id, r.workflow_id {_WORKFLOWS}
        AND r.task_id IS NULL AND r.wait_id IS NOT NULL AND r.pending_signals > 0
    """,
    "runs whose buffered events nothing will append": f"""
        SELECT r.run_id, r.workflow_id {_WORKFLOWS} AND r.task_id IS NULL
        AND EXISTS (SELECT 1 FROM buffered_events AS b WHERE b.run_id = r.run_id)
    """,
    "runs with other open steps than they wait for": f"""
        SELECT r.run_id, r.workflow_id, r.batch_open, {_OPEN_STEPS} {_WORKFLOWS}
        AND r.batch_open <> {_OPEN_STEPS}
    """,
    "runs with other results than they hold": f"""
        SELECT r.run_id, r.workflow_id, r.batch_size, r.batch_open {_WORKFLOWS}
        AND r.batch_size - r.batch_open <> (
            SELECT count(*) FROM held_results AS h WHERE h.run_id = r.run_id
        )
    """,
    "runs with other updates than they count": f"""
        SELECT r.run_id, r.workflow_id, r.pending_updates {_WORKFLOWS}
        AND r.pending_updates <> {_OPEN_UPDATES}
    """,
    "leases and rests that nobody will end": f"""
        SELECT r.run_id, r.workflow_id, r.task_status {_OPEN_RUNS} AND r.due_at IS NULL AND (
            r.task_status = 'leased' OR r.execution_deadline IS NOT NULL
            OR r.run_deadline IS NOT NULL
        )
    """,
    "leases of activities that nobody will end": """
        SELECT execution_id FROM activities
        WHERE closed_at IS NULL AND task_status = 'leased' AND due_at IS NULL
    """,
    "waits whose timeouts will not come": f"""
        SELECT r.run_id, r.workflow_id {_WORKFLOWS} AND r.wait_timer_id IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM timers AS t WHERE t.timer_id = r.wait_timer_id AND t.status = 'pending'
        )
        AND NOT EXISTS (
            SELECT 1 FROM buffered_events AS b
            WHERE b.run_id = r.run_id AND b.kind = 'wait_timeout' AND b.ref = r.wait_timer_id
        )
    """,
    "children that have ended and are waited for": """
        SELECT c.link_id, c.child_run_id FROM child_links AS c
        WHERE c.status = 'pending' AND NOT EXISTS (
            SELECT 1 FROM runs AS r WHERE r.run_id = c.child_run_id AND r.closed_at IS NULL
        )
        AND EXISTS (SELECT 1 FROM runs AS p WHERE p.run_id = c.run_id AND p.closed_at IS NULL)
    """,
    "open standalone activities that have ended": f"""
        SELECT r.run_id {_OPEN_RUNS} AND r.workflow_type = '{STANDALONE_ACTIVITY}'
        AND {_OPEN_STEPS} <> 1
    """,
    "steps of runs that have ended": f"""
        SELECT r.run_id FROM runs AS r WHERE r.closed_at IS NOT NULL AND r.namespace <> ''
        AND (
            EXISTS (
                SELECT 1 FROM activities AS a WHERE a.run_id = r.run_id AND a.closed_at IS NULL
            )
            OR EXISTS (
                SELECT 1 FROM timers AS t WHERE t.run_id = r.run_id AND t.status = 'pending'
            )
            OR {_OPEN_UPDATES} > 0
        )
    """,
}


def open_store(file: Path) -> Any:
    """A connection that reads a state file, also while a server has it open."""
    # apsw's own annotations say nothing to checkers on 3.11.
    return apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)


def stranded(connection: Any) -> list[str]:
    """What will never go on, at whatever commit the store is."""
    return _found(connection, _STRANDED)


def rows_left(file: Path) -> list[str]:
    """What a store holds that belongs to no open run, once all have ended."""
    connection = open_store(file)
    try:
        return _found(connection, _LEFT | _OF_NOBODY)
    finally:
        connection.close()


def open_runs(file: Path) -> int:
    """How many runs are open."""
    connection = open_store(file)
    try:
        [[count]] = connection.execute("SELECT count(*) FROM runs WHERE closed_at IS NULL")
        return int(count)
    finally:
        connection.close()


def all_runs(file: Path) -> list[tuple[str, str]]:
    """Workflow and run ids of every run."""
    connection = open_store(file)
    try:
        rows = connection.execute("SELECT workflow_id, run_id FROM runs ORDER BY run_id")
        return [(str(workflow_id), str(run_id)) for workflow_id, run_id in rows]
    finally:
        connection.close()


def rows_of_runs(file: Path) -> list[str]:
    """The tables that have rows of runs: none has where all runs are removed."""
    connection = open_store(file)
    try:
        counts = {name: f"SELECT count(*) FROM {name} HAVING count(*) > 0" for name in _OF_RUNS}
        return _found(connection, counts)
    finally:
        connection.close()


def _found(connection: Any, queries: dict[str, str]) -> list[str]:
    return [
        f"{what}: {rows}"
        for what, query in queries.items()
        if (rows := connection.execute(query).fetchall())
    ]
