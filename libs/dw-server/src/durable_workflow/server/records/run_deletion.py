"""Deleting runs: whatever belongs to a run goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from durable_workflow.server.store.protocol import Tx

# One for each table that has rows of runs; the run itself comes last.
_STATEMENTS: Final = (
    "delete_run_attributes",
    "delete_run_details",
    "delete_run_history",
    "delete_run_past_tasks",
    "delete_run_activities",
    "delete_run_activity_arguments",
    "delete_run_past_attempts",
    "delete_run_timers",
    "delete_run_child_links",
    "delete_run_updates",
    "delete_run_buffered_events",
    "delete_run_held_results",
    "delete_run_commands",
    "delete_run_set_aside",
    "delete_run",
)


def delete_runs(tx: Tx, run_ids: Sequence[str]) -> None:
    """Delete runs with all that belongs to them."""
    rows = [{"run_id": run_id} for run_id in run_ids]
    for statement in _STATEMENTS:
        tx.do_many(statement, rows)
