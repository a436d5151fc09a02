"""What of a namespace has stopped, and figures about it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from durable_workflow.server.engine.state import Activity
from durable_workflow.server.records import activities
from durable_workflow.server.records.columns import text
from durable_workflow.server.store.protocol import Read, Row


class RepairCandidate(msgspec.Struct, frozen=True):
    """Something that should have gone on by now.

    Attributes:
        kind: `task` (a lease that ran out, or due work that is set aside), `deadline` of a run, or
            `timeout` of an activity.
        item: The task, or what is set aside.
        since: When it was due; of what is set aside, when it is tried next.
    """

    kind: str
    item: str
    run_id: str
    task_queue: str
    compatibility: str | None
    connection: str | None
    since: int


class TaskFigures(msgspec.Struct, frozen=True):
    """The open workflow tasks of a namespace; `delayed` are among the ready ones.

    Attributes:
        unhealthy: Failed, or with a lease that ran out, or both.
    """

    ready: int
    delayed: int
    leased: int
    expired: int
    failed: int
    unhealthy: int
    oldest_expired: int | None
    oldest_ready: int | None


class ActivityFigures(msgspec.Struct, frozen=True):
    """The open activities of a namespace; `delayed` and `retrying` are among the ready ones."""

    ready: int
    delayed: int
    leased: int
    expired: int
    retrying: int
    most_attempts: int
    overdue: int
    oldest_expired: int | None
    oldest_ready: int | None


class RunFigures(msgspec.Struct, frozen=True):
    """The open runs of a namespace.

    Attributes:
        waiting: Without a workflow task.
        starting: Without a completed workflow task.
        long: Told to continue as new.
        failing: With a workflow task that has failed.
    """

    open_runs: int
    waiting: int
    oldest_wait: int | None
    starting: int
    oldest_start: int | None
    most_events: int
    most_bytes: int
    events: int
    long: int
    failing: int


class ScheduleFigures(msgspec.Struct, frozen=True):
    """The schedules of a namespace that are not deleted.

    Attributes:
        missed: Active ones that should have fired by now; `overdue` is since when.
        fires: How often all of them have fired, and `failures` how often that started nothing.
    """

    active: int
    paused: int
    missed: int
    overdue: int | None
    fires: int
    failures: int


def candidates(read: Read, namespace: str, most: int) -> list[RepairCandidate]:
    """What of a namespace should have gone on by now, the oldest first."""
    found = read.all("repair_candidates", namespace=namespace, now=read.now, most=most)
    return [RepairCandidate(*row) for row in found]


def overdue_activities(read: Read, namespace: str, most: int) -> list[Activity]:
    """The activities of which a deadline has passed, the oldest first."""
    found = read.all("overdue_activities", namespace=namespace, now=read.now, most=most)
    return [activities.load(row) for row in found]


def open_activities(read: Read, namespace: str, ids: Sequence[str]) -> dict[str, Activity]:
    """Those of some activities that have no outcome, by their execution."""
    found = read.all(
        "open_activities_by_execution", namespace=namespace, execution_ids=text(list(ids))
    )
    return {each.execution_id: each for each in map(activities.load, found)}


def failing_types(read: Read, namespace: str) -> list[tuple[str, int, int]]:
    """Types whose workflow tasks fail: the most failures in a row, and how many tasks do."""
    return [
        (row[0], row[1], row[2]) for row in read.all("failing_workflow_types", namespace=namespace)
    ]


def status_counts(read: Read, namespace: str) -> dict[str, int]:
    """How many runs have each status, as it is stored."""
    return {row[0]: row[1] for row in read.all("runs_by_status_counts", namespace=namespace)}


def archived_runs(read: Read, namespace: str) -> int:
    """How many runs of a namespace are archived."""
    return int(_row(read.one("archived_runs", namespace=namespace))[0])


def schedule_figures(read: Read, namespace: str) -> ScheduleFigures:
    """Figures of the schedules."""
    return ScheduleFigures(*_row(read.one("schedule_figures", namespace=namespace, now=read.now)))


def run_figures(read: Read, namespace: str) -> RunFigures:
    """Figures of the open runs."""
    return RunFigures(*_row(read.one("open_run_figures", namespace=namespace)))


def instance_count(read: Read, namespace: str) -> int:
    """How many workflow ids are in use."""
    return int(_row(read.one("instance_count", namespace=namespace))[0])


def task_figures(read: Read, namespace: str) -> TaskFigures:
    """Figures of the open workflow tasks."""
    row = read.one("workflow_task_figures", namespace=namespace, now=read.now)
    return TaskFigures(*_row(row))


def activity_figures(read: Read, namespace: str) -> ActivityFigures:
    """Figures of the open activities."""
    row = read.one("activity_figures", namespace=namespace, now=read.now)
    return ActivityFigures(*_row(row))


def _row(row: Row | None) -> Row:
    assert row is not None
    return row
