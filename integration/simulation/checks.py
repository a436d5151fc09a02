"""What must hold when a run has settled: of every history, and of every row."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import apsw

from durable_workflow.client import Client
from integration.harness.histories import CLOSING, types, violations

# Rows that nobody would ever look at again, by what they are.
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
}


def _open(file: Path) -> Any:
    # apsw's own annotations say nothing to checkers on 3.11.
    return apsw.Connection(str(file))


def rows_left(file: Path) -> list[str]:
    """What a store holds that belongs to no open run."""
    connection = _open(file)
    try:
        return [
            f"{what} are left: {rows}"
            for what, query in _LEFT.items()
            if (rows := connection.execute(query).fetchall())
        ]
    finally:
        connection.close()


def open_runs(file: Path) -> int:
    """How many runs are open."""
    connection = _open(file)
    try:
        [[count]] = connection.execute("SELECT count(*) FROM runs WHERE closed_at IS NULL")
        return int(count)
    finally:
        connection.close()


def all_runs(file: Path) -> list[tuple[str, str]]:
    """Workflow and run ids of every run."""
    connection = _open(file)
    try:
        rows = connection.execute("SELECT workflow_id, run_id FROM runs ORDER BY run_id")
        return [(str(workflow_id), str(run_id)) for workflow_id, run_id in rows]
    finally:
        connection.close()


async def wrong_histories(client: Client, runs: list[tuple[str, str]]) -> list[str]:
    """What is wrong with the histories."""
    wrong: list[str] = []
    for workflow_id, run_id in runs:
        history: list[Any] = (await client.get_history(workflow_id, run_id))["events"]
        wrong += [f"{workflow_id} {run_id}: {each}" for each in violations(history)]
        if not CLOSING.intersection(types(history)):
            wrong.append(f"{workflow_id} {run_id} is open: {types(history)}")
    return wrong
