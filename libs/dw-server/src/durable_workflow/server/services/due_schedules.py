"""Schedules that are due: the fires that waited, and those whose time has come.

Many schedules fall due in the same second, so several have one unit of work: they are read by one
statement, and their rows are written together.
"""

from __future__ import annotations

import time
from typing import Final

from durable_workflow.server.engine.schedules import DRAINED, Schedule, ScheduleChange
from durable_workflow.server.engine.state import Run
from durable_workflow.server.records import schedules as records
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services.schedule_fires import Fire, Fires, open_run
from durable_workflow.server.store.protocol import Tx

# After so much of the processor a unit leaves the rest to the next one: closing the workflow of the
# fire before may take long. By the clock, a busy machine would have it read many and fire few.
_LONGEST_SECONDS: Final = 0.010


def handle_some(tx: Tx, most: int, settings: ServiceSettings) -> int:
    """Do what is due of some schedules, those that have been due longest first.

    Returns:
        How many they were: none, where another unit was earlier.
    """
    fires, done = Fires(tx, settings), 0
    changes: list[ScheduleChange] = []
    until = time.thread_time() + _LONGEST_SECONDS
    for schedule, open_run_id in records.take_due(tx, most):
        done += 1
        running = None if open_run_id is None else _open(fires, schedule, open_run_id)
        changes += _handle(fires, schedule, running)
        if time.thread_time() > until:
            break
    fires.finish(*changes)
    return done


def handle_one(tx: Tx, namespace: str, schedule_id: str, settings: ServiceSettings) -> int:
    """Do what is due of one schedule; 0 where that is nothing any more."""
    schedule = records.lock(tx, namespace, schedule_id)
    if schedule is None or schedule.due_at is None or schedule.due_at > tx.now:
        return 0
    fires = Fires(tx, settings)
    fires.finish(*_handle(fires, schedule, open_run(fires.unit, schedule)))
    return 1


def _open(fires: Fires, schedule: Schedule, run_id: str) -> Run | None:
    run = fires.unit.find(run_id)
    # Between the look at it and its lock it may have ended, and another one of its chain begun.
    return run if run is not None and not run.closed else open_run(fires.unit, schedule)


def _handle(fires: Fires, schedule: Schedule, running: Run | None) -> list[ScheduleChange]:
    """Fire; however many times have passed since the first that is due, they are one fire."""
    tx = fires.unit.tx
    if fires.is_going(schedule.namespace):
        records.rest(tx, schedule)
        return []
    change = ScheduleChange(schedule, tx.now, tx.new_id)
    policy = schedule.overlap_policy
    if schedule.buffered and running is None:
        waited = change.next_buffered()
        each = Fire(outcome=DRAINED, policy=policy, occurrence=waited.occurrence)
        fires.fire(change, each, None)
        running = open_run(fires.unit, change.schedule)
    if schedule.next_fire_at is not None and schedule.next_fire_at <= tx.now:
        each = Fire(policy=policy, occurrence=schedule.next_occurrence_at)
        fires.fire(change, each, running)
        change.plan()
    return [change]
