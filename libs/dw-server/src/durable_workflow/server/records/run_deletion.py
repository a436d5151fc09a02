"""Removing runs: one write has nobody find a run any more, then its rows go piece by piece."""

from __future__ import annotations

import time
from typing import Final

from durable_workflow.server.engine.state import Run
from durable_workflow.server.notices import RunRemoved
from durable_workflow.server.records import external_payloads, history, instances
from durable_workflow.server.store.protocol import Read, Tx

# One for each table that has rows of runs, with what callers are told how many there were: of each
# column of what the statement gives. The run itself comes last, so that what a crash leaves behind
# is found again.
STATEMENTS: Final = {
    "delete_run_details": ("run_details",),
    "delete_run_closed_history": ("history_events",),
    "delete_run_history": ("history_events",),
    "delete_run_past_tasks": ("workflow_tasks",),
    "delete_run_activities": ("activity_executions", "workflow_tasks"),
    "delete_run_activity_arguments": ("activity_arguments",),
    "delete_run_large_strings": ("large_strings",),
    "delete_run_past_attempts": ("activity_attempts",),
    "delete_run_timers": ("timers",),
    "delete_run_child_links": ("links",),
    "delete_run_updates": ("updates",),
    "delete_run_buffered_events": ("buffered_events",),
    "delete_run_held_results": ("held_results",),
    "delete_run_commands": ("commands",),
    "delete_run_set_aside": ("set_aside",),
    "delete_run": ("runs",),
}
KINDS: Final = tuple(dict.fromkeys(kind for kinds in STATEMENTS.values() for kind in kinds))

# What one statement deletes at most, and for how long a unit goes on to the next. Nobody else
# writes meanwhile.
_ROWS: Final = 64
_RUNS: Final = 64
_BYTES: Final = 256 * 1024
_SECONDS: Final = 0.002
# Pages that may stay free: what comes next is written to them.
_KEPT_PAGES: Final = 512


def expired(
    read: Read, namespace: str, cutoff: int, most: int, *, without_payloads: bool = False
) -> list[str]:
    """The runs of a namespace that closed before a time and may go, oldest first.

    Args:
        without_payloads: Leave out those that refer to payloads that are kept elsewhere.
    """
    statement = "expired_runs_without_payloads" if without_payloads else "expired_runs"
    found = read.all(statement, namespace=namespace, cutoff=cutoff, most=most)
    return [row[0] for row in found]


def remove(tx: Tx, run: Run) -> None:
    """Have nobody find a run any more; its workflow id is free where it was the last.

    Those who watch the run look again, and are told that it is gone. The workflow id and the run
    are locked.
    """
    tx.notify(RunRemoved(run.run_id))
    named = {"namespace": run.namespace, "workflow_id": run.workflow_id}
    tx.do("remove_run", run_id=run.run_id)
    history.forget(tx, run.run_id)
    # Lists find runs by these too.
    tx.do("delete_run_attributes", run_id=run.run_id)
    instance = instances.find(tx, run.namespace, run.workflow_id)
    if instance is None or instance.current_run_id != run.run_id:
        return
    other = tx.one("newest_run_of_instance", **named)
    if other is None:
        tx.do("delete_instance", **named)
    else:
        tx.do("repoint_instance", current_run_id=other[0], **named)


def removed(read: Read, most: int) -> list[str]:
    """Runs that nobody finds any more and that still have rows."""
    return [row[0] for row in read.all("removed_runs", most=most)]


def delete_removed(tx: Tx) -> bool:
    """Delete rows of removed runs for some milliseconds; whether there may be more."""
    until = time.perf_counter() + _SECONDS
    found = removed(tx, _RUNS)
    for run_id in found:
        delete_rows(tx, run_id, until)
        if time.perf_counter() > until:
            return True
    return len(found) == _RUNS


def delete_rows(tx: Tx, run_id: str, until: float | None = None) -> dict[str, int]:
    """Delete rows of a removed run for some milliseconds; how many of each kind.

    The run is gone where `runs` is among them.
    """
    until = time.perf_counter() + _SECONDS if until is None else until
    counts: dict[str, int] = {}
    while external_payloads.release_some_of_run(tx, run_id):
        if time.perf_counter() > until:
            return counts
    for statement, kinds in STATEMENTS.items():
        params = _BOUNDS[statement]
        while True:
            found = tx.all(statement, run_id=run_id, **params)
            for column, kind in enumerate(kinds):
                counts[kind] = counts.get(kind, 0) + sum(row[column] for row in found)
            if time.perf_counter() > until:
                return counts
            if not params or not any(row[0] for row in found):
                break
    return counts


def release_space(tx: Tx) -> bool:
    """Give pages that hold nothing back to the system, some at a time; whether there are more."""
    until = time.perf_counter() + _SECONDS
    before = None
    while True:
        found = tx.one("free_space")
        assert found is not None
        # The same as before: the file cannot give them.
        if found[0] <= _KEPT_PAGES or found[0] == before:
            return False
        before = found[0]
        tx.all("release_space")
        if time.perf_counter() > until:
            return True


_OF_BYTES: Final = {
    "delete_run_closed_history",
    "delete_run_history",
    "delete_run_activity_arguments",
    "delete_run_large_strings",
    "delete_run_updates",
    "delete_run_buffered_events",
    "delete_run_held_results",
    "delete_run_commands",
}
_OF_ONE: Final = {"delete_run", "delete_run_details"}


def _bounds(statement: str) -> dict[str, int]:
    if statement in _OF_ONE:
        return {}
    if statement in _OF_BYTES:
        return {"most": _ROWS, "most_bytes": _BYTES}
    return {"most": _ROWS}


_BOUNDS: Final = {statement: _bounds(statement) for statement in STATEMENTS}
