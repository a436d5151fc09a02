"""What the passing of time does: timers, timeouts, leases, silent workers, delayed tasks.

Every due time is a column with an index; `next_due` is the least of them, and `run_due` handles
what has passed. Any node may run it at any time: an item is looked at again under the transaction
that changes it.
"""

from __future__ import annotations

import logging

from durable_workflow.server.engine import activity_outcomes, closing, facts
from durable_workflow.server.engine.state import LEASED, READY, Activity, Run, Timer
from durable_workflow.server.notices import TaskReady
from durable_workflow.server.services import activity_tasks, sessions, workers, workflow_tasks
from durable_workflow.server.services.settings import ServiceSettings
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Read, Tx

_log = logging.getLogger(__name__)

_SOURCES = ("next_due_run", "next_due_activity", "next_due_timer", "next_due_worker")


def next_due(read: Read) -> int | None:
    """When the first thing falls due, or fell; None where nothing ever will."""
    found = [row[0] for source in _SOURCES if (row := read.one(source)) is not None]
    return min((at for at in found if at is not None), default=None)


def run_due(tx: Tx, limit: int, settings: ServiceSettings) -> int:
    """Handle at most `limit` due things.

    Returns:
        How many were handled; fewer than `limit` mean that nothing is due any more.
    """
    left = limit
    for handle in (_fire_timers, _handle_runs, _handle_activities, _miss_workers):
        if left > 0:
            left -= handle(tx, left, settings)
    return limit - left


def _fire_timers(tx: Tx, most: int, settings: ServiceSettings) -> int:
    timers = [Timer(*row) for row in tx.all("due_timers", now=tx.now, most=most)]
    unit = Unit(tx, settings)
    for timer in timers:
        run = unit.run(timer.run_id)
        others = [] if timer.wait_id is not None else unit.others(run)
        unit.apply(facts.timer_fired(run, tx.now, tx.new_id, timer, others))
    unit.finish()
    return len(timers)


def _handle_runs(tx: Tx, most: int, settings: ServiceSettings) -> int:
    found = [Run(*row) for row in tx.all("due_runs", now=tx.now, most=most)]
    unit = Unit(tx, settings)
    for stored in found:
        run = unit.adopt(stored)
        if not run.closed:
            _handle_run(unit, run)
    unit.finish()
    return len(found)


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


def _handle_activities(tx: Tx, most: int, settings: ServiceSettings) -> int:
    found = [Activity(*row) for row in tx.all("due_activities", now=tx.now, most=most)]
    unit = Unit(tx, settings)
    for activity in found:
        # The end of a run in this very unit has closed its activities.
        if not unit.run(activity.run_id).closed:
            _handle_activity(unit, activity)
    unit.finish()
    return len(found)


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


def _miss_workers(tx: Tx, most: int, settings: ServiceSettings) -> int:
    found = workers.silent(tx, most)
    for worker in found:
        sessions.miss(tx, worker, settings)
    return len(found)
