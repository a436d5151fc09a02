"""What is in memory is as in the database, whatever fails, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import apsw
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.engine.decision import Event, NewActivity
from durable_workflow.server.engine.schedules import BufferedFire, Schedule, ScheduleChange
from durable_workflow.server.engine.state import Activity, Run
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.notices import DueAt, Notice, ReadyTask, TaskReady
from durable_workflow.server.records import (
    activities,
    answered_polls,
    builds,
    history,
    run_deletion,
    runs,
    schedules,
)
from durable_workflow.server.records.fairness import ReadyClass
from durable_workflow.server.store import (
    ConstraintViolated,
    OutcomeUnknown,
    Read,
    StoreUnavailable,
    Tx,
)
from durable_workflow.server.store.protocol import Row
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.sqlite._database import Database
from durable_workflow.server.store.sqlite._remembered import Question
from durable_workflow.server.store.statements import load_statements
from integration.harness.runs import plain_run

Model: TypeAlias = dict[tuple[Any, ...], tuple[Any, ...] | None]
# What a unit does, to which of a few runs; and how it ends.
Action: TypeAlias = tuple[str, int]
Work: TypeAlias = tuple[list[Action], str]
STATEMENTS = load_statements("sqlite")


class OnPurpose(Exception):
    pass


class Disk(apsw.VFS):
    """The system's files; after some more writes or syncs the next one fails, once."""

    def __init__(self) -> None:
        self.failure: str | None = None
        self.left = 0
        super().__init__("random-disk", "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return DiskFile(self, name, flags)

    def use(self, kind: str) -> None:
        if self.failure != kind:
            return
        self.left -= 1
        if self.left < 0:
            self.failure = None
            raise apsw.FullError("no space left") if kind == "full" else apsw.IOError("broken")


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.use("full")
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType]  # apsw's Buffer

    def xSync(self, flags: int) -> None:
        self._disk.use("sync")
        super().xSync(flags)


class Claims:
    """Claims the task of a run at the end of the unit that makes it ready; some claims fail."""

    def __init__(self) -> None:
        self.fail = False

    def wants(self, notices: Sequence[Notice], /) -> bool:
        return any(isinstance(notice, TaskReady) for notice in notices)

    def place(self, tx: Tx, notices: Sequence[Notice], /) -> Sequence[Notice]:
        for notice in notices:
            if isinstance(notice, TaskReady) and notice.task is not None:
                run = runs.by_task(tx, "n", notice.task.task_id)
                if run is None:
                    continue  # a later action of the unit has given it another task
                run.task_status, run.task_attempt = "leased", run.task_attempt + 1
                run.lease_owner, run.lease_session, run.lease_expires_at = "w", "s", 0
                runs.save(tx, run)
        if self.fail:
            raise OnPurpose
        return [DueAt(1)]

    def revoke(self, notices: Sequence[Notice], /) -> None:
        pass


def new_run(number: int) -> Run:
    return plain_run(run_id=f"r{number}", workflow_id=f"w{number}", namespace="n")


def new_schedule(number: int) -> Schedule:
    return Schedule(
        namespace="n",
        schedule_id=f"s{number}",
        schedule_ulid=f"u{number}",
        created_at=1,
        spec={},
        action={},
        overlap_policy="skip",
        jitter_seconds=0,
        max_runs=None,
        memo={},
        search_attributes={},
    )


def new_activity(run: Run, task_id: str) -> NewActivity:
    sequence = run.last_sequence
    activity = Activity(
        f"{run.run_id}.{sequence}", run.run_id, "n", sequence, "a", "q", 0, "json", None, 5
    )
    activity.task_id = task_id
    return NewActivity(activity, {"blob": task_id})


class Unit:
    """Some actions on runs and activities through the records, and what they should leave."""

    def __init__(self, work: Work) -> None:
        self._actions, self._end = work
        self.effects: Model = {}

    def __call__(self, tx: Tx) -> None:
        self.effects = {}
        for name, number in self._actions:
            getattr(self, name)(tx, number)
        if self._end == "raise":
            raise OnPurpose
        if self._end == "break":
            event = Event("r0", -1, "twice", b"")
            history.insert(tx, new_run(0), [event, event])

    def insert(self, tx: Tx, number: int) -> None:
        run = new_run(number)
        if runs.lock(tx, run.run_id) is None:
            run.task_id, run.task_status = tx.new_id(), "ready"
            runs.insert(tx, run)
            self._note(run)
            tx.notify(TaskReady("workflow", "n", "q", ReadyTask(run.task_id, "t")))

    def save(self, tx: Tx, number: int) -> None:
        run = runs.lock(tx, f"r{number}")
        if run is None or run.closed:
            return
        run.last_sequence += 1
        run.task_id = tx.new_id()
        event = Event(run.run_id, run.last_sequence, "x", run.task_id.encode())
        history.insert(tx, run, [event])
        self.effects["event", run.run_id, run.last_sequence] = (event.record,)
        runs.save(tx, run)
        self._note(run)
        tx.notify(TaskReady("workflow", "n", "q", ReadyTask(run.task_id, "t")))

    def close(self, tx: Tx, number: int) -> None:
        run = runs.lock(tx, f"r{number}")
        if run is None or run.closed:
            return
        for activity in activities.open_of_run(tx, run.run_id):
            activity.closed_at = 9
            activities.save(tx, activity)
            self._note(activity)
        run.status, run.closed_at, run.task_id = "completed", 7, None
        run.last_sequence += 1
        event = Event(run.run_id, run.last_sequence, "x", tx.new_id().encode())
        history.close(tx, run, [event])
        self.effects["event", run.run_id, run.last_sequence] = (event.record,)
        runs.save(tx, run)
        self._note(run)

    def delete(self, tx: Tx, number: int) -> None:
        """Statements that change rows and return some."""
        run = runs.lock(tx, f"r{number}")
        if run is None or not run.closed:
            return
        run_deletion.remove(tx, run)
        assert runs.lock(tx, run.run_id) is None
        while "runs" not in run_deletion.delete_rows(tx, run.run_id):
            pass
        # What follows may put it again: effects are in the order in which they last were so.
        left = {key: seen for key, seen in self.effects.items() if key[1] != run.run_id}
        self.effects = {**left, ("deleted", run.run_id): None}

    def schedule(self, tx: Tx, number: int) -> None:
        self.save(tx, number)
        run = runs.find(tx, f"r{number}")
        if run is not None and not run.closed:
            new = new_activity(run, tx.new_id())
            activities.insert(tx, [new])
            self._note(new.activity)
            assert activities.arguments(tx, new.activity) is not None

    def report(self, tx: Tx, number: int) -> None:
        """Find an activity by a statement that is run by the database, and again by its task."""
        for found in activities.open_of_run(tx, f"r{number}")[:1]:
            activity = activities.by_task(tx, "n", found.task_id)
            assert activity is not None
            assert activity == found
            activity.attempt_count += 1
            activity.task_id = tx.new_id()
            activities.save(tx, activity)
            assert activities.by_task(tx, "n", found.task_id) is None
            activity.closed_at = 9 if activity.attempt_count > 1 else None
            activities.save(tx, activity)
            self._note(activity)

    def claim(self, tx: Tx, number: int) -> None:
        of = ReadyClass(0, "", 1, 0, "", 0.0, 0)
        run = runs.claimable(tx, "n", "q", worker_id="w", build_id=None, types=[], of=of)
        if run is not None:
            assert runs.lock(tx, run.run_id) == run
            poll = f"p{tx.new_id()}"
            assert not answered_polls.may_be_known(tx, "workflow", "n", "w", poll)
            run.task_status, run.lease_owner, run.poll_request_id = "leased", "w", poll
            runs.save(tx, run)
            answered_polls.note(tx, "workflow", "n", "w", poll)
            assert answered_polls.may_be_known(tx, "workflow", "n", "w", poll)
            self._note(run)

    def select(self, tx: Tx, number: int) -> None:
        """Change a table whose answers are kept, and ask before and after."""
        before = builds.find(tx, "n", "q", f"b{number}")
        rollout = msgspec.structs.replace(before, promoted_at=(before.promoted_at or 0) + 1)
        builds.put(tx, rollout)
        assert builds.find(tx, "n", "q", f"b{number}") == rollout
        assert rollout in builds.of_queue(tx, "n", "q")
        self.effects["rollout", f"b{number}"] = (rollout.promoted_at,)

    def ask(self, tx: Tx, number: int) -> None:
        """Have an answer kept, of a table that another unit of the batch may have changed."""
        builds.find(tx, "n", "q", f"b{number}")

    def buffer(self, tx: Tx, number: int) -> None:
        """Have a fire of a schedule wait, or take the one that does."""
        schedule = schedules.lock(tx, "n", f"s{number}")
        if schedule is None:
            schedule = new_schedule(number)
            schedules.insert(tx, ScheduleChange(schedule, tx.now, tx.new_id))
        else:
            schedule.buffered = [] if schedule.buffered else [BufferedFire(tx.now, None)]
            schedules.save(tx, ScheduleChange(schedule, tx.now, tx.new_id))
        self.effects["schedule", f"s{number}"] = (bool(schedule.buffered),)

    def prolong(self, tx: Tx, number: int) -> None:
        """Change rows by a statement that names none of them."""
        holder = {"namespace": "n", "worker_id": "w", "session": "s"}
        tx.do("prolong_workflow_leases", until=tx.now + number, **holder)

    def _note(self, row: Run | Activity) -> None:
        if isinstance(row, Run):
            self.effects["run", row.run_id] = _seen_of_run(row)
        else:
            self.effects["activity", row.run_id, row.sequence] = _seen_of_activity(row)


def _seen_of_run(run: Run) -> tuple[Any, ...]:
    return run.last_sequence, run.task_id, run.closed_at


def _seen_of_activity(activity: Activity) -> tuple[Any, ...]:
    return activity.attempt_count, activity.task_id, activity.closed_at


def everything(read: Read) -> Model:
    """What the database has, in the words of the model."""
    found: Model = {}
    for number in range(RUNS):
        run = runs.find(read, f"r{number}")
        if run is None:
            continue
        found["run", run.run_id] = _seen_of_run(run)
        for sequence in range(1, run.last_sequence + 1):
            [record] = history.between(read, run.run_id, sequence - 1, sequence, 1)
            found["event", run.run_id, sequence] = (record,)
        for activity in activities.open_of_run(read, run.run_id):
            found["activity", run.run_id, activity.sequence] = _seen_of_activity(activity)
    for rollout in builds.of_queue(read, "n", "q"):
        found["rollout", rollout.build_id] = (rollout.promoted_at,)
    for schedule in schedules.some_listed(read, "n", RUNS):
        found["schedule", schedule.schedule_id] = (bool(schedule.buffered),)
    return found


def add(model: Model, effects: Model) -> None:
    """Put down what an acknowledged unit has left."""
    for key, seen in effects.items():
        if key[0] == "deleted":
            for each in [each for each in model if each[1] == key[1]]:
                del model[each]
        elif key[0] == "activity" and seen is not None and seen[-1] is not None:
            model.pop(key, None)  # closed: not among those that are asked for here
        else:
            model[key] = seen


def kept_and_stored(store: SqliteStore, read: Read) -> list[tuple[object, object]]:
    pairs: list[tuple[object, object]] = []
    kept = store.ways.kept
    for key, row in kept["runs"].rows.items():
        pairs.append((row, read.one("run_by_id", run_id=key[0])))
    for row in kept["activities"].rows.values():
        activity = activities.load(row)
        pairs.append((row, read.one("activity_by_task", task_id=activity.task_id, namespace="n")))
    assert not kept["run_details"].rows
    for number in range(RUNS):
        known = store.ways.remembered.get(("history", f"r{number}"))
        if known is not None:
            pairs.append((list(known), history.between(read, f"r{number}", 0, 100, 100)))
        waits = store.ways.remembered.get(("whether fires of a schedule wait", f"n\0s{number}"))
        if waits is not None:
            schedule = schedules.find(read, "n", f"s{number}")
            pairs.append((waits, schedule and bool(schedule.buffered)))
    # A poll whose lease has ended may stay known, and one that holds a lease is known for certain.
    polls = store.ways.remembered.get(("answered workflow polls", "n\nw"))
    if polls is not None:
        held = read.all("answered_workflow_polls", namespace="n", worker_id="w")
        pairs.append((set[str](), {row[0] for row in held} - polls))
    for name, known in answers_in_memory(store):
        statement = STATEMENTS[name[0]]
        found = read.all(statement.name, **dict(zip(statement.order, name[1], strict=True)))
        pairs.append((list(known), found))
    return pairs


def answers_in_memory(store: SqliteStore) -> list[tuple[Question, Sequence[Row]]]:
    of_tables = store.ways.answers._of_tables  # pyright: ignore[reportPrivateUsage]
    return [answer for answers in of_tables.values() for answer in answers.items()]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the real schema, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "state.db"
    Database(str(path), load_migrations("sqlite"), now=0, vfs=None).close()
    return path


async def drive(disk: Disk, folder: Path, batches: list[tuple[list[Work], str | None, int]]) -> int:
    """Run batches of units, of which some fail; how many rows were kept in memory meanwhile."""
    model: Model = {}
    claims = Claims()
    store = SqliteStore(
        str(folder / "state.db"),
        statements=STATEMENTS,
        migrations=load_migrations("sqlite"),
        clock=ManualClock(),
        ids=UlidSource(seed=3),
        placement=claims,
        vfs="random-disk",
    )
    compared = 0
    try:
        for works, failure, left in batches:
            units = [Unit(work) for work in works]
            disk.failure, disk.left = failure, left
            claims.fail = failure == "claim"
            results = await asyncio.gather(
                *[store.run(unit) for unit in units], return_exceptions=True
            )
            disk.failure = None
            for unit, result in zip(units, results, strict=True):
                if result is None:
                    add(model, unit.effects)
                else:
                    told = OnPurpose | ConstraintViolated | StoreUnavailable | OutcomeUnknown
                    assert isinstance(result, told)
            pairs = await store.read(lambda read: kept_and_stored(store, read))
            assert [kept for kept, _ in pairs] == [stored for _, stored in pairs]
            compared += len(pairs)
            assert await store.read(everything) == model
    finally:
        await store.close()
    return compared


RUNS = 3
NAMES = ["insert", "save", "close", "delete", "schedule", "report", "claim", "prolong"]
OTHERS = ["select", "ask", "buffer", "schedule", "save"]
actions = st.lists(
    st.tuples(st.sampled_from([*NAMES, *OTHERS]), st.integers(0, RUNS - 1)), max_size=5
)
ends = st.sampled_from(["well", "well", "well", "raise", "break"])
failures = st.sampled_from([None, None, "full", "sync", "claim"])
BEGIN: Work = ([("insert", number) for number in range(RUNS)], "well")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    batches=st.lists(
        st.tuples(
            st.lists(st.tuples(actions, ends), min_size=1, max_size=4), failures, st.integers(0, 6)
        ),
        max_size=8,
    )
)
# A report and a delete in the batch that fails; the report again, with nothing known in memory. And
# a delete in a unit that fails.
@example(
    batches=[
        ([([("schedule", 0), ("close", 1)], "well"), ([("delete", 1)], "raise")], None, 0),
        ([([("report", 0)], "well"), ([("delete", 1)], "well")], "sync", 0),
        ([([("report", 0), ("report", 0)], "well")], None, 0),
    ]
)
# What is decided and buffered, in a unit and a batch that fail.
@example(
    batches=[
        ([([("select", 0), ("buffer", 0), ("claim", 0)], "well")], None, 0),
        ([([("select", 0), ("buffer", 0), ("claim", 0)], "raise")], None, 0),
        ([([("select", 0), ("buffer", 0), ("claim", 0)], "well")], "sync", 0),
        ([([("select", 0)], "well"), ([("ask", 0)], "well")], "sync", 0),
        ([([("select", 0), ("select", 1), ("buffer", 0)], "well")], "claim", 0),
        ([([("buffer", 0)], "well"), ([("select", 0), ("claim", 0)], "break")], None, 0),
    ]
)
# First units that fail, break a rule, and lose their claim, each with others behind them.
@example(batches=[([([("close", 0), ("delete", 0), ("insert", 0)], "well")], None, 0)])
@example(
    batches=[
        ([([("schedule", 0), ("close", 1)], "well")], None, 0),
        ([([("report", 0), ("delete", 1)], "raise"), ([("report", 0)], "well")], None, 0),
        ([([("save", 0), ("delete", 1)], "break"), ([("schedule", 0)], "well")], None, 0),
        ([([("schedule", 0)], "break"), ([("delete", 1)], "raise")], "claim", 0),
        ([([("schedule", 0)], "well"), ([("delete", 1)], "raise")], "claim", 0),
        ([([("delete", 1)], "raise"), ([("delete", 1), ("report", 0)], "well")], "full", 0),
        ([([("delete", 1)], "raise"), ([("delete", 1), ("report", 0)], "well")], None, 0),
    ]
)
def test_kept_rows_are_the_stored_ones_whatever_fails(
    empty: Path, batches: list[tuple[list[Work], str | None, int]]
) -> None:
    disk = Disk()
    try:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(empty, folder)
            compared = asyncio.run(drive(disk, Path(folder), [([BEGIN], None, 0), *batches]))
    finally:
        disk.unregister()
    assert compared >= RUNS
