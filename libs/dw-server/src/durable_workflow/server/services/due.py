"""Due work: timers, timeouts, leases, silent workers, delayed tasks, schedules.

Every due time is a column with an index; `next_due` is the least of them. `look` lists whose things
have fallen due, and `handle` does what is due of one run, of one worker or of some schedules in one
unit of work: they are locked, and what is due is read again under the lock, so any server may do it
at any time. What raises is set aside: it is not due before its back-off has passed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from durable_workflow.server.engine import activity_outcomes, buffered_events, closing
from durable_workflow.server.engine.state import LEASED, READY, Activity, Run
from durable_workflow.server.engine.tasks import backoff_seconds
from durable_workflow.server.engine.times import seconds
from durable_workflow.server.records import due as records
from durable_workflow.server.records import run_deletion
from durable_workflow.server.records import schedules as schedule_records
from durable_workflow.server.records import workers as worker_records
from durable_workflow.server.records.due import DueItem, DueTimes
from durable_workflow.server.records.leases import Holder
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import (
    activity_tasks,
    due_schedules,
    sessions,
    workflow_tasks,
)
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.services.writing import ready_task
from durable_workflow.server.store.protocol import Read, Tx

_LONGEST_ERROR = 1000
# Of one run or one worker in one unit: others have their turn in between.
MOST_OF_ONE = 50
# Runs, workers and schedules.
KINDS = 3


class Due(msgspec.Struct, frozen=True):
    """A run or a worker of which something is due, or schedules (namespace and id of each)."""

    run_id: str | None = None
    worker: Holder | None = None
    schedules: Sequence[tuple[str, str]] = ()

    @property
    def count(self) -> int:
        """Of how many something is due."""
        return len(self.schedules) or 1

    def __str__(self) -> str:
        if self.worker is not None:
            return str(_worker_item(self.worker))
        if self.schedules:
            return f"{len(self.schedules)} schedule(s)"
        return f"run {self.run_id}"


class Look(msgspec.Struct, frozen=True):
    """What there is to do.

    Attributes:
        at: The earliest due time, which may have passed; None if nothing will ever be due.
        overdue: Whether it has passed.
        found: Of what something is due. None of it, where `overdue` is that something that was set
            aside is to be tried again.
    """

    at: int | None
    overdue: bool = False
    found: list[Due] = []


def next_due(read: Read) -> int | None:
    """The earliest due time, which may have passed; None if nothing will ever be due."""
    return records.times(read).first()


def look(read: Read, most: int, times: DueTimes | None = None) -> Look:
    """Find runs, workers and schedules of which something is due, about so many at most.

    Each kind has a part of them, however much is due of the others.

    Args:
        times: When the first of each kind falls due, where that is known.
    """
    part = max(most // KINDS, 1)
    times = times or records.times(read)
    at = times.first()
    if at is None or at > read.now:
        return Look(at)
    found = [Due(run_id=run_id) for run_id in records.run_ids(read, times, most)]
    if times.worker is not None and times.worker <= read.now:
        silent = worker_records.silent(read, max(most - len(found), part))
        found += [Due(worker=worker.holder) for worker in silent]
    if times.schedule is not None and times.schedule <= read.now:
        schedules = schedule_records.due(read, max(most - len(found), part))
        if schedules:
            found.append(Due(schedules=schedules))
    return Look(at, True, found)


def do_some(tx: Tx, most: int, times: DueTimes, settings: ServiceSettings) -> int:
    """Do what is due of a few runs, workers and schedules in one unit, a part of each kind.

    Args:
        times: When the first of each kind falls due.
    Returns:
        How much was done: where it is less than the part of a kind, nothing is left.
    """
    rest = msgspec.structs.replace(times, schedule=None)
    done = sum(handle(tx, each, settings) for each in look(tx, most, rest).found)
    if times.schedule is not None and times.schedule <= tx.now:
        done += due_schedules.handle_some(tx, most // KINDS, settings)
    return done


def items(read: Read, due: Due) -> list[DueItem]:
    """What is due of a run, a worker or schedules, in the order in which `handle` does it."""
    if due.worker is not None:
        return [_worker_item(due.worker)]
    if due.schedules:
        return list(map(_schedule_item, due.schedules))
    run_id = due.run_id
    assert run_id is not None
    return [
        *(
            DueItem("timer", timer.timer_id, run_id)
            for timer in records.timers_of_run(read, run_id, MOST_OF_ONE)
        ),
        DueItem("run", run_id, run_id),
        *(
            DueItem("activity", activity.execution_id, run_id)
            for activity in records.activities_of_run(read, run_id, MOST_OF_ONE)
        ),
    ]


def handle(tx: Tx, due: Due, settings: ServiceSettings, only: DueItem | None = None) -> int:
    """Do what is due of a run, a worker or schedules, or one thing of it.

    Returns:
        How much was done: nothing, where another unit was earlier.
    """
    if due.worker is not None:
        return _miss(tx, due.worker, settings)
    if due.schedules:
        return _handle_schedules(tx, due.schedules, settings, only)
    assert due.run_id is not None
    unit = Unit(tx, settings)
    run = unit.find(due.run_id)
    if run is None:
        # It was removed with work that is due: its rows go, as those of all removed runs do.
        return sum(run_deletion.delete_rows(tx, due.run_id).values())
    done = advance(unit, run.run_id, only)
    unit.finish()
    return done


def advance(unit: Unit, run_id: str, only: DueItem | None = None) -> int:
    """Do what is due of a run, or one thing of it; how much was done."""
    done = _fire_timers(unit, run_id, only)
    if only is None or only.source == "run":
        done += _handle_run(unit, unit.run(run_id))
    return done + _handle_activities(unit, run_id, only)


def forget_rested(tx: Tx) -> int:
    """Forget what was set aside and has had its next try, or is not due any more.

    For when nothing is due: then all that was to be tried again has been.

    Returns:
        How much that was.
    """
    return records.delete_rested(tx)


def set_aside(tx: Tx, item: DueItem, error: Exception, settings: ServiceSettings) -> int:
    """Set an item aside whose handling raised, each time for longer.

    Returns:
        How often it has failed in a row.
    """
    failures = records.failures(tx, item) + 1
    rest = backoff_seconds(
        failures, settings.task_backoff_first_seconds, settings.task_backoff_max_seconds
    )
    records.set_aside(
        tx,
        item,
        failures=failures,
        error=f"{type(error).__name__}: {error}"[:_LONGEST_ERROR],
        until=tx.now + seconds(rest),
    )
    return failures


def _fire_timers(unit: Unit, run_id: str, only: DueItem | None) -> int:
    if only is not None and only.source != "timer":
        return 0
    tx = unit.tx
    found = records.timers_of_run(tx, run_id, MOST_OF_ONE)
    timers = [timer for timer in found if only is None or timer.timer_id == only.item]
    for timer in timers:
        run = unit.run(run_id)
        held = [] if timer.wait_id is not None else unit.held_for_last(run)
        unit.apply(buffered_events.timer_fired(run, tx.now, tx.new_id, timer, held))
    return len(timers)


def _handle_run(unit: Unit, run: Run) -> int:
    tx = unit.tx
    if run.closed or run.due_at is None or run.due_at > tx.now:
        return 0
    if records.rests(tx, DueItem("run", run.run_id, run.run_id)):
        return 0
    for timeout_kind, deadline in (
        ("execution_timeout", run.execution_deadline),
        ("run_timeout", run.run_deadline),
    ):
        if deadline is not None and deadline <= tx.now:
            opened = unit.everything_open(run)
            unit.apply(closing.close_timed_out(run, tx.now, tx.new_id, opened, timeout_kind))
            return 1
    if run.task_status == LEASED and run.lease_expires_at is not None:
        if run.lease_expires_at <= tx.now:
            text = "the lease of task %s of run %s of %s ran out"
            tx.say(logging.INFO, text, run.task_id, run.run_id, run.workflow_id, **run.ids)
            workflow_tasks.expire_lease(unit, run)
    elif run.task_status == READY:
        # A delay is over, or the offer to the worker that kept the run's machine.
        tx.notify(ready_task(run, tx.now))
    unit.touch(run)
    return 1


def _handle_activities(unit: Unit, run_id: str, only: DueItem | None) -> int:
    if only is not None and only.source != "activity":
        return 0
    found = records.activities_of_run(unit.tx, run_id, MOST_OF_ONE)
    activities = [each for each in found if only is None or each.execution_id == only.item]
    for activity in activities:
        # The end of the run in this very unit has closed its activities.
        if not unit.run(run_id).closed:
            handle_activity(unit, activity)
    return len(activities)


def handle_activity(unit: Unit, activity: Activity) -> None:
    """Do what is due of an open activity."""
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
            held=unit.held_for_last(run),
        )
        unit.apply(decision)
    elif activity.task_status == LEASED:
        if activity.lease_expires_at is not None and activity.lease_expires_at <= tx.now:
            text = "the lease of activity task %s of run %s of %s ran out"
            tx.say(logging.INFO, text, activity.task_id, run.run_id, run.workflow_id, **run.ids)
            activity_tasks.lose_worker(unit, activity)
        else:
            unit.save_activity(activity)
    else:
        unit.save_activity(activity)  # Announces a retry whose delay is over.


def _handle_schedules(
    tx: Tx, schedules: Sequence[tuple[str, str]], settings: ServiceSettings, only: DueItem | None
) -> int:
    if only is None:
        return due_schedules.handle_some(tx, len(schedules), settings)
    [key] = [each for each in schedules if _schedule_item(each) == only]
    return due_schedules.handle_one(tx, *key, settings)


def _miss(tx: Tx, holder: Holder, settings: ServiceSettings) -> int:
    worker_records.lock(tx, holder.namespace, holder.worker_id)
    worker = worker_records.find(tx, holder.namespace, holder.worker_id, holder.session)
    if worker is None or worker.session != holder.session:
        return 0
    if worker.due_at is None or worker.due_at > tx.now:
        return 0
    sessions.miss(tx, worker, settings)
    return 1


def _worker_item(holder: Holder) -> DueItem:
    name = f"{holder.namespace}/{holder.worker_id}/{holder.session}"
    return DueItem("worker", name, None)


def _schedule_item(schedule: tuple[str, str]) -> DueItem:
    return DueItem("schedule", "/".join(schedule), None)
