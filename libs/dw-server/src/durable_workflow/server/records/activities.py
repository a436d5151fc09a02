"""Activities with their task and current attempt, their arguments, and attempts that are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from durable_workflow.server.engine.decision import NewActivity
from durable_workflow.server.engine.state import Activity, PastAttempt
from durable_workflow.server.records import large_strings
from durable_workflow.server.records.columns import fields_from, text, values_from, values_of
from durable_workflow.server.records.fairness import ReadyClass
from durable_workflow.server.store.protocol import Read, Row, Tx

_params = values_from(Activity, "execution_id")
_changes = values_of(*fields_from(Activity, "status"), "run_id", "sequence")
# The rest of the row is 300 bytes at most, and a piece of a page of 2 KiB is 488.
_SMALL: Final = 160

_attempt_params = values_from(PastAttempt, "attempt_id")


def load(row: Row) -> Activity:
    """An activity of its row."""
    return Activity(*row)


def by_task(read: Read, namespace: str, task_id: str) -> Activity | None:
    """The activity whose current task this is."""
    row = read.one("activity_by_task", task_id=task_id, namespace=namespace)
    return None if row is None else load(row)


def run_of_task(read: Read, namespace: str, task_id: str) -> str | None:
    """The run of the activity whose current task this is: it is locked before the task is read."""
    row = read.one("run_of_activity_task", task_id=task_id, namespace=namespace)
    return None if row is None else row[0]


def claimable(
    tx: Tx, namespace: str, task_queue: str, types: list[str], of: ReadyClass, *, most: int
) -> list[Activity]:
    """The activities of a class whose ready tasks workers should get next, that nobody holds."""
    found = tx.take(
        "claimable_activity",
        most=most,
        namespace=namespace,
        task_queue=task_queue,
        types=text(types),
        priority=of.priority,
        **{"class": of.name},
        now=tx.now,
    )
    return [load(row) for row in found]


def claimed_by_request(
    tx: Tx, namespace: str, task_queue: str, worker_id: str, poll_request_id: str
) -> Activity | None:
    """The activity whose task was handed out to this poll before."""
    row = tx.one(
        "activity_claimed_by_request",
        namespace=namespace,
        task_queue=task_queue,
        worker_id=worker_id,
        poll_request_id=poll_request_id,
        now=tx.now,
    )
    return None if row is None else load(row)


def open_of_run(read: Read, run_id: str) -> list[Activity]:
    """The open activities of a run, in order."""
    return [load(row) for row in read.all("open_activities", run_id=run_id)]


def first_open_of_run(read: Read, run_id: str, most: int) -> list[Activity]:
    """The first open activities of a run, in order."""
    return [load(row) for row in read.all("first_open_activities", run_id=run_id, most=most)]


def of_run(read: Read, run_id: str, *, after: int, most: int) -> list[Activity]:
    """The activities of a run behind a workflow sequence, in order, at most so many."""
    found = read.all("activities_of_run", run_id=run_id, after=after, most=most)
    return [load(row) for row in found]


def past_of(read: Read, run_id: str, execution_ids: Sequence[str]) -> list[PastAttempt]:
    """The superseded attempts of some activities of a run, oldest first."""
    if not execution_ids:
        return []
    found = read.all("past_attempts_of", run_id=run_id, execution_ids=text(list(execution_ids)))
    return [PastAttempt(*row) for row in found]


def arguments(read: Read, activity: Activity) -> bytes | None:
    """What an activity is called with, as JSON."""
    kept = activity.arguments
    if kept is None:
        row = read.one("activity_arguments", run_id=activity.run_id, sequence=activity.sequence)
        assert row is not None
        kept = row[0]
    return large_strings.encoded(read, activity.run_id, kept)


def of_step(read: Read, run_id: str, sequence: int) -> tuple[Activity, str | None]:
    """The activity that is a step of a run, and what its starter calls its class."""
    row = read.one("activity_of_step", run_id=run_id, sequence=sequence)
    assert row is not None
    *columns, label = row
    return Activity(*columns), label


def insert(tx: Tx, created: Sequence[NewActivity]) -> None:
    """Write scheduled activities with their arguments, small ones in the same row."""
    rows: list[Row] = []
    for new in created:
        activity = new.activity
        arguments = large_strings.text(tx, activity.run_id, new.arguments)
        if new.label is None and arguments is not None and _fits(activity, arguments):
            activity.arguments = arguments
        else:
            rows.append((activity.run_id, activity.sequence, arguments, new.label))
    tx.do_many("insert_activity", [_params(new.activity) for new in created])
    tx.do_many("insert_activity_arguments", rows)


def _fits(activity: Activity, arguments: str) -> bool:
    """Whether the row stays so small that SQLite keeps it in one piece."""
    texts = (activity.activity_type, activity.task_queue, activity.policy or "", arguments)
    return sum(map(len, texts)) <= _SMALL


def save(tx: Tx, activity: Activity) -> None:
    """Write everything of an activity that may change."""
    tx.do_many("save_activity", [_changes(activity)])


def insert_past_attempt(tx: Tx, attempt: PastAttempt) -> None:
    """Remember an attempt that was superseded."""
    tx.do_many("insert_attempt", [_attempt_params(attempt)])


def past_attempt(read: Read, namespace: str, attempt_id: str) -> PastAttempt | None:
    """A superseded attempt, or None."""
    row = read.one("past_attempt", attempt_id=attempt_id, namespace=namespace)
    return None if row is None else PastAttempt(*row)


def is_reported(read: Read, namespace: str, task_id: str, attempt_id: str, worker_id: str) -> bool:
    """Whether an attempt of a task ended with the report of its worker."""
    row = read.one(
        "reported_attempt",
        task_id=task_id,
        attempt_id=attempt_id,
        namespace=namespace,
        worker_id=worker_id,
    )
    return row is not None


def is_current_attempt(read: Read, run_id: str, attempt_id: str) -> bool:
    """Whether this is the current attempt of some activity of a run."""
    return read.one("current_attempt", run_id=run_id, attempt_id=attempt_id) is not None


def run_of_past_task(read: Read, namespace: str, task_id: str) -> str | None:
    """The run of a task whose attempt was superseded, or None."""
    row = read.one("run_of_past_activity_task", task_id=task_id, namespace=namespace)
    return None if row is None else row[0]
