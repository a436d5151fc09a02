"""What is due, and what is set aside because it could not be handled."""

from __future__ import annotations

import msgspec

from durable_workflow.server.engine.state import Activity, Timer
from durable_workflow.server.records import activities, timers
from durable_workflow.server.store.protocol import Read, Tx


class DueTimes(msgspec.Struct, frozen=True):
    """When the first of each kind falls due, which may have passed; None for never.

    Attributes:
        set_aside: When the first item that was set aside is tried again.
    """

    timer: int | None
    run: int | None
    activity: int | None
    worker: int | None
    schedule: int | None
    set_aside: int | None

    def first(self, *, workers: bool = True) -> int | None:
        """The earliest of them.

        Args:
            workers: Whether workers that are silent count, too.
        """
        first = self.worker if workers else None
        for at in (self.timer, self.run, self.activity, self.schedule, self.set_aside):
            if at is not None and (first is None or at < first):
                first = at
        return first


class DueItem(msgspec.Struct, frozen=True):
    """One thing that is due.

    Attributes:
        source: `timer`, `run`, `activity`, `worker` or `schedule`.
        item: Id of the timer, run, activity, worker or schedule.
        run_id: The run that it belongs to; None for a worker or a schedule.
    """

    source: str
    item: str
    run_id: str | None

    def __str__(self) -> str:
        return f"{self.source} {self.item}" + (f" of run {self.run_id}" if self.run_id else "")


class SetAside(msgspec.Struct, frozen=True):
    """Work of a run that fell due and whose handling raised.

    Attributes:
        source: `timer`, `run` or `activity`.
        failures: How often in a row.
        error: What it raised.
        until: When it is tried again.
    """

    source: str
    failures: int
    error: str
    until: int


def times(read: Read) -> DueTimes:
    """When the first of each kind falls due."""
    row = read.one("first_due")
    assert row is not None
    return times_of(read, DueTimes(*row), read.now)


def times_of(read: Read, first: DueTimes, now: int) -> DueTimes:
    """When the first of each kind falls due that does not rest at a moment.

    Args:
        first: Likewise, with what rests: nearly always nothing does, and is looked for no more.
    """
    if first.set_aside is None:
        return first
    row = read.one("next_due", now=now)
    assert row is not None
    return DueTimes(*row)


def run_ids(read: Read, times: DueTimes, most: int) -> list[str]:
    """The runs of which something is due: timers, then the runs themselves, then activities."""
    found: dict[str, None] = {}
    for at, statement in (
        (times.timer, "runs_of_due_timers"),
        (times.run, "due_runs"),
        (times.activity, "runs_of_due_activities"),
    ):
        if at is not None and at <= read.now:
            rows = read.all(statement, now=read.now, most=most)
            found |= dict.fromkeys(row[0] for row in rows)
    return list(found)[:most]


def timers_of_run(read: Read, run_id: str, most: int) -> list[Timer]:
    """The timers of a run that should fire, in the order in which they should have."""
    found = read.all("due_timers", run_id=run_id, now=read.now, most=most)
    return [timers.load(row) for row in found]


def activities_of_run(read: Read, run_id: str, most: int) -> list[Activity]:
    """The activities of a run that need the clock, most overdue first."""
    found = read.all("due_activities", run_id=run_id, now=read.now, most=most)
    return [activities.load(row) for row in found]


def rests(read: Read, item: DueItem) -> bool:
    """Whether an item is set aside for now."""
    row = read.one("set_aside_until", source=item.source, item=item.item)
    return row is not None and row[0] > read.now


def failures(read: Read, item: DueItem) -> int:
    """How often an item could not be handled, in a row."""
    row = read.one("set_aside_failures", source=item.source, item=item.item)
    return 0 if row is None else row[0]


def set_aside(tx: Tx, item: DueItem, *, failures: int, error: str, until: int) -> None:
    """Set an item aside."""
    tx.do(
        "set_aside",
        source=item.source,
        item=item.item,
        run_id=item.run_id,
        failures=failures,
        error=error,
        until=until,
    )


def set_aside_of_run(read: Read, run_id: str) -> list[SetAside]:
    """What of a run is set aside, the next to be tried first."""
    return [SetAside(*row) for row in read.all("set_aside_of_run", run_id=run_id)]


def end_rest_of_run(tx: Tx, run_id: str) -> None:
    """Have what of a run is set aside tried at once."""
    tx.do("end_rest_of_run", run_id=run_id, now=tx.now)


def delete_rested(tx: Tx) -> int:
    """Delete the items whose next try has come, and return how many there were."""
    row = tx.one("rested", now=tx.now)
    rested: int = 0 if row is None else row[0]
    if rested:
        tx.do("delete_rested", now=tx.now)
    return rested
