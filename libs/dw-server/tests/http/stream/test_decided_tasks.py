"""Workflow tasks that were decided with a result: they have no row, and are told as if they had."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from durable_workflow.server import Settings
from durable_workflow.server.engine import completion
from durable_workflow.server.engine.state import READY, Activity, PastTask
from durable_workflow.server.ids import paired
from durable_workflow.server.records import activities, decided_tasks, runs
from durable_workflow.server.store import Read, Tx
from durable_workflow.server.timers import RetentionService

Json = dict[str, Any]
Staged = Callable[..., AbstractAsyncContextManager[Any]]
SCHEDULE = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
COMPLETE = {"type": "complete_workflow", "result": {"codec": "json", "blob": '"done"'}}
FAIL = {"type": "fail_workflow", "message": "no"}
AGAIN = {"type": "continue_as_new"}
TIMER = {"type": "start_timer", "delay_seconds": 3600}
ROWS = "SELECT task_id FROM past_workflow_tasks"


class Steps:
    """A run whose worker decides with each result."""

    def __init__(self, stage: Any, peer: Any, run: Json, seen: int) -> None:
        self.stage = stage
        self.peer = peer
        self.run = run
        self.seen = seen

    @classmethod
    async def begin(cls, stage: Any) -> Steps:
        peer = await stage.peer(capabilities=["worker_stream", "sticky_history"])
        run = await stage.start()
        task = await peer.task()
        await peer.acknowledged(await peer.complete(task, SCHEDULE, keep_history=True))
        return cls(stage, peer, run, task["last_history_sequence"])

    async def take(self, *commands: Json) -> None:
        """Have the activity return, and the worker decide what follows."""
        activity = await self.peer.task("activity")
        ahead = {"run_id": self.run["run_id"], "after": self.seen, "keep_history": True}
        await self.peer.complete_activity(activity, ahead=ahead | {"commands": list(commands)})
        assert (await self.peer.next("answer", "acks", "refused"))["type"] == "answer"
        self.seen += 3


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(db=str(tmp_path / "state.db"), long_poll_timeout=1)


@pytest.fixture
async def stage(staged: Staged, settings: Settings) -> AsyncIterator[Any]:
    async with staged(settings) as stage:
        yield stage


def write_rows(file: Path) -> list[str]:
    """Have a state file say of decided tasks what it said when they had rows; their ids."""
    connection = sqlite3.connect(file)
    found = connection.execute(
        "SELECT task_id, run_id, sequence, closed_at, lease_owner, lease_session FROM activities "
        "WHERE task_status = 'decided'"
    ).fetchall()
    task_ids: list[str] = []
    for activity_task, run_id, sequence, closed_at, owner, session in found:
        task_ids.append(paired(activity_task))
        connection.execute(
            "INSERT INTO past_workflow_tasks (task_id, run_id, namespace, status, closed_at, "
            "lease_owner, lease_session, attempt, waited, held) "
            "VALUES (?, ?, '', 'completed', ?, ?, ?, 1, 0, 0)",
            (task_ids[-1], run_id, closed_at, owner, session),
        )
        connection.execute(
            "UPDATE activities SET task_status = 'closed', lease_session = NULL "
            "WHERE run_id = ? AND sequence = ?",
            (run_id, sequence),
        )
    connection.commit()
    connection.close()
    return task_ids


def stay_idle(service: RetentionService) -> None:
    """Remove nothing."""


async def told(stage: Any, run: Json, task_ids: list[str]) -> list[Any]:
    """All that anybody is told of decided tasks, and in the end how many rows were deleted."""
    path = f"/workflows/wf/runs/{run['run_id']}"
    bundle = await stage.get(f"{path}/history/export")
    for of_this_export in ("exported_at", "integrity"):
        del bundle[of_this_export]
    everything: list[Any] = [bundle]
    held: list[Json] = []
    for task_id in [*task_ids, run["run_id"], "", "01", "x" * 26]:
        for attempt in (1, 2):
            body: Json = {"lease_owner": "w", "workflow_task_attempt": attempt}
            for verb, more in (
                ("complete", {"commands": [COMPLETE]}),
                ("fail", {"failure": {"message": "no"}}),
                ("heartbeat", {}),
                ("history", {"next_history_page_token": "1"}),
            ):
                answer = await stage.post(f"/worker/workflow-tasks/{task_id}/{verb}", body | more)
                everything.append((verb, answer.status_code, answer.json()))
            held.append({"kind": "workflow", "task_id": task_id or "-", "attempt": attempt})
    for worker_id, session in (("w", "s"), ("w", "t"), ("v", "s")):
        for one in held:
            peer = await stage.peer(worker_id, session, held=[one])
            everything.append((worker_id, session, one, peer.welcome))
            await peer.send({"type": "bye"})
    if (await stage.status()) != "running":
        answer = await stage.post("/system/retention/pass", {"run_ids": [run["run_id"]]})
        everything.append(answer.json()["results"])
    return everything


@pytest.mark.parametrize(
    "last", [COMPLETE, FAIL, AGAIN, TIMER], ids=lambda command: command["type"]
)
async def test_what_is_told_of_them_is_what_their_rows_told(
    staged: Staged,
    settings: Settings,
    tmp_path: Path,
    last: Json,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A pass counts what it has deleted itself: nobody else deletes meanwhile.
    monkeypatch.setattr(RetentionService, "start", stay_idle)
    async with staged(settings) as stage:
        steps = await Steps.begin(stage)
        for commands in ([SCHEDULE], [SCHEDULE], [last]):
            await steps.take(*commands)
    older = tmp_path / "older.db"
    shutil.copy(settings.db, older)
    task_ids = write_rows(older)
    assert len(task_ids) == 3
    found: list[list[Any]] = []
    for db in (settings.db, str(older)):
        async with staged(msgspec.structs.replace(settings, db=db)) as stage:
            found.append(await told(stage, steps.run, task_ids))
    now, before = found
    if last is not TIMER:
        [pruned] = now[-1]
        assert (pruned["outcome"], pruned["deleted"]["workflow_tasks_deleted"]) == ("pruned", 4)
    for one, other in zip(now, before, strict=True):
        assert one == other


async def test_no_row_is_written_for_them_and_the_bundle_lists_them_in_their_places(
    stage: Any,
) -> None:
    steps = await Steps.begin(stage)
    for commands in ([SCHEDULE], [SCHEDULE], [COMPLETE]):
        await steps.take(*commands)
    path = f"/workflows/wf/runs/{steps.run['run_id']}/history"
    events = (await stage.get(path))["events"]
    first, *decided = dict.fromkeys(
        each["workflow_task_id"]
        for each in events
        if each["event_type"] in ("ActivityScheduled", "WorkflowCompleted")
    )
    assert stage.committed(ROWS) == [(first,)]

    bundle = await stage.get(f"{path}/export")
    returned = [each for each in events if each["event_type"] == "ActivityCompleted"]
    expected = [first]
    for activity, task_id in zip(returned, decided, strict=True):
        expected += [activity["workflow_task_id"], task_id]
    assert [each["id"] for each in bundle["tasks"]] == expected
    for activity, task_id in zip(returned, decided, strict=True):
        [task] = [each for each in bundle["tasks"] if each["id"] == task_id]
        assert task == {
            "id": task_id,
            "type": "workflow",
            "status": "completed",
            "payload": {},
            "connection": None,
            "queue": "q",
            "compatibility": None,
            "attempt_count": 1,
            "repair_count": 0,
            "available_at": activity["timestamp"],
            "leased_at": activity["timestamp"],
            "lease_owner": "w",
            "lease_expires_at": None,
            "last_dispatch_attempt_at": None,
            "last_dispatched_at": None,
            "last_dispatch_error": None,
            "last_claim_failed_at": None,
            "last_claim_error": None,
            "repair_available_at": None,
        }


@pytest.mark.parametrize("last", [COMPLETE, FAIL, AGAIN, TIMER], ids=lambda each: each["type"])
async def test_what_is_kept_of_one_is_what_the_engine_says_of_it(
    stage: Any, monkeypatch: pytest.MonkeyPatch, last: Json
) -> None:
    ended: list[PastTask] = []
    complete = completion.complete

    def noted(*args: Any, **named: Any) -> Any:
        decision = yield from complete(*args, **named)
        ended.extend(decision.past_tasks)
        return decision

    steps = await Steps.begin(stage)
    monkeypatch.setattr(completion, "complete", noted)
    await steps.take(SCHEDULE)
    await steps.take(last)

    def look(read: Read) -> list[Activity]:
        return activities.of_run(read, steps.run["run_id"], after=0, most=10)

    found = await stage.server.store.read(look)
    assert len(ended) == 2
    assert [decided_tasks.of(each) for each in found] == [
        msgspec.structs.replace(past, lease_session=runs.kept_session(past.lease_session))
        for past in ended
    ]


async def test_a_task_that_was_ready_before_the_result_keeps_its_row(stage: Any) -> None:
    steps = await Steps.begin(stage)

    def make_ready(tx: Tx) -> str:
        run = runs.find(tx, steps.run["run_id"])
        assert run is not None
        run.task_id, run.task_status = tx.new_id(), READY
        run.task_available_at = tx.now
        runs.save(tx, run)
        return run.task_id

    task_id = await stage.server.store.run(make_ready)
    await steps.take(COMPLETE)
    assert stage.committed("SELECT task_status FROM activities") == [("closed",)]
    assert stage.committed(ROWS)[1:] == [(task_id,)]


async def test_a_task_keeps_its_row_that_was_given_out_because_the_decision_was_not_taken(
    stage: Any,
) -> None:
    steps = await Steps.begin(stage)
    activity = await steps.peer.task("activity")
    ahead = {"run_id": steps.run["run_id"], "after": steps.seen, "commands": [{"type": "nothing"}]}
    await steps.peer.complete_activity(activity, ahead=ahead | {"keep_history": True})
    assert (await steps.peer.next("answer", "acks", "refused"))["type"] == "acks"
    assert stage.committed("SELECT task_status FROM activities") == [("closed",)]
    await steps.peer.acknowledged(await steps.peer.complete(await steps.peer.task(), COMPLETE))
    assert len(stage.committed(ROWS)) == 2
