"""What the passing of time does: timers, timeouts, leases, silent workers, delayed tasks.

Every due time is a column with an index; `next_due` is the least of them, and `run_due` handles
what has passed. Any node may run it at any time: an item is looked at again under the transaction
that changes it.

A batch is one unit of work, so an item whose handling raises takes the others back with it. Then
they are handled one by one (`items_due`, `run_item`), and the item that raises is set aside: it is
not due before its back-off has passed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from durable_workflow.server.engine import activity_outcomes, closing, facts
from durable_workflow.server.engine.state import LEASED, READY, Activity, Run, Timer
from durable_workflow.server.engine.tasks import backoff_seconds
from durable_workflow.server.engine.times import seconds
from durable_workflow.server.notices import TaskReady
from durable_workflow.server.services import activity_tasks, sessions, workers, workflow_tasks
from durable_workflow.server.services.settings import ServiceSettings
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Read, Row, Tx

_log = logging.getLogger(__name__)

Handle: TypeAlias = "Callable[[Tx, list[Row], ServiceSettings], None]"

_LONGEST_ERROR = 1000


class DueItem(msgspec.Struct, frozen=True):
    """One thing that is due.

    Attributes:
        source: `timer`, `run`, `activity` or `worker`.
        item: Which one.
        run_id: The run that it belongs to; None for a worker.
    """

    source: str
    item: str
    run_id: str | None

    def __str__(self) -> str:
        return f"{self.source} {self.item}" + (f" of run {self.run_id}" if self.run_id else "")


class _Source(msgspec.Struct, frozen=True):
    """One kind of thing that falls due.

    Attributes:
        name: As `set_aside.source` has it.
        due: Statement of the rows that are due.
        next: Statement of the first due time.
        handle: Handles such rows.
        names: The item and the run of a row.
    """

    name: str
    due: str
    next: str
    handle: Handle
    names: Callable[[Row], tuple[str, str | None]]

    def rows(self, read: Read, most: int) -> list[Row]:
        """What is due, at most so many."""
        return read.all(self.due, now=read.now, most=most)

    def item(self, row: Row) -> DueItem:
        """What a row is."""
        return DueItem(self.name, *self.names(row))


def next_due(read: Read) -> int | None:
    """When the first thing falls due, or fell; None where nothing ever will."""
    found = [read.one(source.next, now=read.now) for source in _SOURCES]
    found.append(read.one("next_due_set_aside"))
    times = [row[0] for row in found if row is not None]
    return min((at for at in times if at is not None), default=None)


def run_due(tx: Tx, limit: int, settings: ServiceSettings) -> int:
    """Handle at most `limit` due things.

    Returns:
        How many were handled; fewer than `limit` mean that nothing is due any more.
    """
    left = limit
    for source in _SOURCES:
        if left > 0:
            rows = source.rows(tx, left)
            source.handle(tx, rows, settings)
            left -= len(rows)
    if left > 0:
        # All that was to be tried again has been, here and now, or is not due any more.
        left -= _forget_rested(tx, left)
    return limit - left


def _forget_rested(tx: Tx, most: int) -> int:
    row = tx.one("rested", now=tx.now)
    rested: int = 0 if row is None else row[0]
    if rested:
        tx.do("delete_rested", now=tx.now)
    return min(rested, most)


def items_due(read: Read, limit: int) -> list[DueItem]:
    """At most `limit` due things, in the order in which `run_due` would handle them."""
    found: list[DueItem] = []
    for source in _SOURCES:
        rows = source.rows(read, limit - len(found))
        found.extend(source.item(row) for row in rows)
    return found


def run_item(tx: Tx, item: DueItem, limit: int, settings: ServiceSettings) -> int:
    """Handle one of the things that `items_due` found with that limit.

    Returns:
        1, or 0 where it is not due any more.
    """
    source = next(each for each in _SOURCES if each.name == item.source)
    rows = [row for row in source.rows(tx, limit) if source.item(row) == item]
    source.handle(tx, rows, settings)
    return len(rows)


def set_aside(tx: Tx, item: DueItem, error: Exception, settings: ServiceSettings) -> int:
    """Let a thing rest whose handling raised, each time for longer.

    Returns:
        How often it has failed in a row.
    """
    row = tx.one("set_aside_failures", source=item.source, item=item.item)
    failures = 1 if row is None else row[0] + 1
    rest = backoff_seconds(
        failures, settings.task_backoff_first_seconds, settings.task_backoff_max_seconds
    )
    tx.do(
        "set_aside",
        source=item.source,
        item=item.item,
        run_id=item.run_id,
        failures=failures,
        error=f"{type(error).__name__}: {error}"[:_LONGEST_ERROR],
        until=tx.now + seconds(rest),
    )
    return failures


def _fire_timers(tx: Tx, rows: list[Row], settings: ServiceSettings) -> None:
    timers = [Timer(*row) for row in rows]
    unit = Unit(tx, settings)
    for timer in timers:
        run = unit.run(timer.run_id)
        others = [] if timer.wait_id is not None else unit.others(run)
        unit.apply(facts.timer_fired(run, tx.now, tx.new_id, timer, others))
    unit.finish()


def _handle_runs(tx: Tx, rows: list[Row], settings: ServiceSettings) -> None:
    unit = Unit(tx, settings)
    for row in rows:
        run = unit.adopt(Run(*row))
        if not run.closed:
            _handle_run(unit, run)
    unit.finish()


def _handle_run(unit: Unit, run: Run) -> None:
    tx = unit.tx
    for timeout_kind, deadline in (
        ("execution_timeout", run.execution_deadline),
        ("run_timeout", run.run_deadline),
    ):
        if deadline is not None and deadline <= tx.now:
            opened = unit.everything_open(run)
            unit.apply(closing.close_timed_out(run, tx.now, tx.new_id, opened, timeout_kind))
            return
    if run.task_status == LEASED and run.lease_expires_at is not None:
        if run.lease_expires_at <= tx.now:
            _log.info("the lease of task %s of run %s ran out", run.task_id, run.run_id)
            workflow_tasks.expire_lease(unit, run)
    elif run.task_status == READY:
        # A delay is over, or the offer to the worker that kept the run's machine.
        tx.notify(TaskReady("workflow", run.namespace, run.task_queue))
    unit.touch(run)


def _handle_activities(tx: Tx, rows: list[Row], settings: ServiceSettings) -> None:
    unit = Unit(tx, settings)
    for activity in [Activity(*row) for row in rows]:
        # The end of a run in this very unit has closed its activities.
        if not unit.run(activity.run_id).closed:
            _handle_activity(unit, activity)
    unit.finish()


def _handle_activity(unit: Unit, activity: Activity) -> None:
    tx = unit.tx
    run = unit.run(activity.run_id)
    timeout_kind = activity_outcomes.overdue(activity, tx.now)
    if timeout_kind is not None:
        decision = activity_outcomes.time_out(
            run,
            activity,
            tx.now,
            tx.new_id,
            timeout_kind=timeout_kind,
            others=unit.others(run),
        )
        unit.apply(decision)
    elif activity.task_status == LEASED:
        if activity.lease_expires_at is not None and activity.lease_expires_at <= tx.now:
            _log.info("the lease of activity task %s ran out", activity.task_id)
            activity_tasks.expire_lease(unit, activity)
        else:
            unit.save_activity(activity)
    else:
        unit.save_activity(activity)  # Announces a retry whose delay is over.


def _miss_workers(tx: Tx, rows: list[Row], settings: ServiceSettings) -> None:
    for row in rows:
        sessions.miss(tx, workers.of_row(row), settings)


def _worker_names(row: Row) -> tuple[str, None]:
    worker = workers.of_row(row)
    return f"{worker.namespace}/{worker.worker_id}/{worker.session}", None


_SOURCES = (
    _Source("timer", "due_timers", "next_due_timer", _fire_timers, lambda row: (row[0], row[1])),
    _Source("run", "due_runs", "next_due_run", _handle_runs, lambda row: (row[0], row[0])),
    _Source(
        "activity",
        "due_activities",
        "next_due_activity",
        _handle_activities,
        lambda row: (row[0], row[1]),
    ),
    _Source("worker", "due_workers", "next_due_worker", _miss_workers, _worker_names),
)
