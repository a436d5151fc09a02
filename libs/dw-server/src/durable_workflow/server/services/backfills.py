"""Backfilling a schedule: fires for times that have passed, or not come (control-plane 8.10)."""

from __future__ import annotations

import asyncio
import bisect
import itertools
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.attributes import moment
from durable_workflow.server.engine.fire_times import FireTimes
from durable_workflow.server.engine.schedules import (
    BACKFILLED,
    DELETED,
    Schedule,
    ScheduleChange,
    fire_times,
)
from durable_workflow.server.engine.times import offset
from durable_workflow.server.records import schedules as records
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import BackfillSchedule, Caller
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services.repetitions import Kept
from durable_workflow.server.services.schedule_fires import Fire, Fires, open_run
from durable_workflow.server.services.schedules import command_context
from durable_workflow.server.store.protocol import Read, Store, Tx
from durable_workflow.server.views.schedules import not_found

# In one unit: others have their turn in between.
_AT_ONCE: Final = 10
# Some 2 ms of cron expressions.
_COMPUTED_AT_ONCE: Final = 100
# Years that are written with four digits in every time zone.
_EARLIEST: Final = moment("1900-01-01")
_LATEST: Final = moment("3000-01-01")


class Backfilled(msgspec.Struct, frozen=True):
    """What one unit of a backfill has done.

    Attributes:
        schedule_ulid: Of the schedule that it fired.
        rows: What is told of each fire.
        upto: The time of the last one; None where there is none.
        ended: Whether the schedule has ended: nothing follows.
    """

    schedule_ulid: str
    rows: list[dict[str, Any]]
    upto: int | None
    ended: bool


async def backfill(
    store: Store, caller: Caller, request: BackfillSchedule, settings: ServiceSettings
) -> Reply:
    """Fire for each time in a span, a few in a unit.

    What it has done is kept where it is cut short: the schedule's history says how far it came. A
    request that is sent again under its idempotency key goes on from there, and repeats the answer
    of what was done.
    """
    kept = Kept(caller, Backfilled)
    start, end = _span(request)
    schedule, ulid = await store.read(
        lambda read: _find(read, caller.namespace, request.schedule_id, kept.find(read))
    )
    times = await _times(fire_times(schedule), start, end, settings.max_backfilled_fires)
    metadata = {"start_time": request.start_time, "end_time": request.end_time}
    cause = command_context(caller, schedule, "backfill", metadata)
    policy = request.overlap_policy or schedule.overlap_policy
    if policy in ("buffer_one", "buffer_all"):
        policy = "allow_all"
    rows: list[dict[str, Any]] = []
    for part in itertools.count():
        some = times[:_AT_ONCE]

        def work(tx: Tx, part: int = part, some: Sequence[int] = some) -> Backfilled:
            done = kept.find(tx, part)
            if done is None:
                done = _fire(tx, schedule, ulid, some, policy, cause, settings)
                kept.keep(tx, done, part)
            return done

        done = await store.run(work)
        rows += done.rows
        if done.upto is None or done.ended:
            break
        # What was done before may have been of another spec.
        times = times[bisect.bisect_right(times, done.upto) :]
    return Reply(
        {
            "schedule_id": schedule.schedule_id,
            "namespace": schedule.namespace,
            "outcome": "backfill_started",
            "fires_attempted": len(rows),
            "results": rows,
        }
    )


def _fire(
    tx: Tx,
    schedule: Schedule,
    ulid: str,
    times: Sequence[int],
    policy: str,
    cause: JsonObject,
    settings: ServiceSettings,
) -> Backfilled:
    """Fire for some times, as far as the schedule of that `ulid` goes."""
    known = records.lock(tx, schedule.namespace, schedule.schedule_id)
    if known is None or known.schedule_ulid != ulid:
        return Backfilled(ulid, [], None, ended=True)
    fires, change = Fires(tx, settings), ScheduleChange(known, tx.now, tx.new_id, cause)
    rows: list[dict[str, Any]] = []
    for at in times:
        if change.schedule.status == DELETED or change.schedule.remaining_actions == 0:
            break
        each = Fire(outcome=BACKFILLED, policy=policy, occurrence=at)
        # Where all may run side by side, it does not matter what runs.
        running = None if policy == "allow_all" else open_run(fires.unit, change.schedule)
        fired = fires.fire(change, each, running)
        row = {
            "fire_time": offset(at),
            "outcome": fired.outcome,
            "workflow_id": fired.workflow_id,
            "reason": fired.reason,
        }
        rows.append({name: value for name, value in row.items() if value is not None})
    fires.finish(change)
    upto = times[len(rows) - 1] if rows else None
    return Backfilled(ulid, rows, upto, ended=len(rows) < len(times))


def _find(
    read: Read, namespace: str, schedule_id: str, done: Backfilled | None
) -> tuple[Schedule, str]:
    """A schedule, and the `schedule_ulid` that is fired: there may be another under the id now.

    Args:
        done: What the same request did before: its last fire may have ended the schedule.
    """
    schedule = records.find(read, namespace, schedule_id)
    if schedule is None or (schedule.status == DELETED and done is None):
        raise not_found(namespace, schedule_id)
    return schedule, schedule.schedule_ulid if done is None else done.schedule_ulid


def _span(request: BackfillSchedule) -> tuple[int, int]:
    assert _EARLIEST is not None
    assert _LATEST is not None
    found: list[int] = []
    errors: dict[str, list[str]] = {}
    for name in ("start_time", "end_time"):
        at = moment(getattr(request, name))
        if at is None or not _EARLIEST <= at <= _LATEST:
            text = f"The {name} field must be a date and time of ISO 8601, from 1900 to 3000."
            errors[name] = [text]
        else:
            found.append(at)
    if errors:
        raise Invalid(errors)
    start, end = found
    if end <= start:
        raise Refused("invalid_time_range", "The end_time must be after the start_time.")
    return start, end


async def _times(times: FireTimes, start: int, end: int, most: int) -> list[int]:
    found: list[int] = []
    for at in itertools.islice(times.between(start, end), most + 1):
        found.append(at)
        if len(found) % _COMPUTED_AT_ONCE == 0:
            await asyncio.sleep(0)
    if len(found) > most:
        text = f"The span must not hold more than {most} fires: ask for it in parts."
        raise Invalid({"end_time": [text]})
    return found
