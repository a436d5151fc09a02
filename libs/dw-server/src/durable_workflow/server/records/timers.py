"""Timers of workflows, and the timeouts of waits."""

from __future__ import annotations

from collections.abc import Sequence

from durable_workflow.server.engine.state import Timer
from durable_workflow.server.records.columns import values_from
from durable_workflow.server.store.protocol import Read, Row, Tx

_params = values_from(Timer, "timer_id")


def load(row: Row) -> Timer:
    """A timer of its row."""
    return Timer(*row)


def open_of_run(read: Read, run_id: str) -> list[Timer]:
    """The pending timers of a run, in order."""
    return [load(row) for row in read.all("open_timers", run_id=run_id)]


def next_of_run(read: Read, run_id: str) -> Timer | None:
    """The pending timer of a run that fires first."""
    row = read.one("next_timer", run_id=run_id)
    return None if row is None else load(row)


def insert(tx: Tx, created: Sequence[Timer]) -> None:
    """Write new timers."""
    tx.do_many("insert_timer", [_params(timer) for timer in created])


def save(tx: Tx, timer: Timer) -> None:
    """Write whether a timer is pending, fired or cancelled."""
    tx.do("save_timer", timer_id=timer.timer_id, status=timer.status)
