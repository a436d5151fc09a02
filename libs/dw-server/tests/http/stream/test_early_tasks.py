"""Workflow tasks that leave before their commit: named by a claim, and certain once reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.server import Settings
from durable_workflow.server.clock import ManualClock
from durable_workflow.server.store.sqlite._committer import CommitPace
from durable_workflow.server.views.history import FROM_THE_BEGINNING

Json = dict[str, Any]
SCHEDULE = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}


@pytest.fixture
async def stage(
    disk: Any,
    staged: Callable[..., AbstractAsyncContextManager[Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Any]:
    def never(pace: CommitPace, units: int) -> bool:
        return False

    # Commits are made in a thread, so that the loop goes on while the disk waits.
    monkeypatch.setattr(CommitPace, "on_the_spot", never)
    settings = Settings(db=str(tmp_path / "state.db"), long_poll_timeout=1)
    # No time passes: nobody is missed, however long the machine holds a test up.
    async with staged(settings, clock=ManualClock(), stream_grace_seconds=0.5) as stage:
        try:
            yield stage
        finally:
            disk.may_sync.set()


def leases(stage: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = stage.committed("SELECT task_status, lease_claim FROM runs")
    return found


async def start(stage: Any) -> Any:
    body = {"workflow_id": "wf", "workflow_type": "flow", "task_queue": "q"}
    return await stage.post("/workflows", body)


async def lose_claim(stage: Any, disk: Any) -> Json:
    """The task that a worker was sent, and whose commit then failed; its stream is closed."""
    peer = await stage.peer(claims=True)
    disk.may_sync.clear()
    starting = asyncio.create_task(start(stage))
    lost: Json = await peer.task()
    disk.fail_from_now_on()
    disk.may_sync.set()
    assert (await starting).status_code == 504
    assert await peer.ended() == 4503
    disk.fails = set()
    return lost


async def test_a_task_leaves_before_its_commit_and_its_acknowledgement_after_it(
    stage: Any, disk: Any
) -> None:
    peer = await stage.peer(claims=True)
    disk.may_sync.clear()
    starting = asyncio.create_task(start(stage))
    number = await peer.complete(await peer.task())
    assert await peer.silent()
    assert not starting.done()

    disk.may_sync.set()
    assert (await starting).status_code == 201
    await peer.acknowledged(number)
    assert await stage.status() == "completed"


async def test_activities_never_leave_before_their_commit(stage: Any, disk: Any) -> None:
    peer = await stage.peer(claims=True)
    await start(stage)
    task = await peer.task()
    disk.may_sync.clear()
    await peer.complete(task, SCHEDULE)
    assert await peer.silent()
    disk.may_sync.set()
    assert (await peer.task("activity"))["activity_type"] == "act"


async def test_a_worker_that_does_not_name_claims_is_sent_nothing_early(
    stage: Any, disk: Any
) -> None:
    peer = await stage.peer()
    disk.may_sync.clear()
    starting = asyncio.create_task(start(stage))
    assert await peer.silent()
    disk.may_sync.set()
    await starting
    assert "claim" not in await peer.task()


@pytest.mark.parametrize("claim", [None, "another"])
@pytest.mark.parametrize("verb", ["complete", "fail", "heartbeat", "history"])
async def test_what_is_said_of_a_task_has_to_name_its_claim(
    stage: Any, verb: str, claim: str | None
) -> None:
    peer = await stage.peer(claims=True)
    await start(stage)
    task = await peer.task()
    about: Json = {"kind": "workflow", "task_id": task["task_id"], "attempt": 1}
    if claim is not None:
        about["claim"] = claim
    more: dict[str, Json] = {
        "complete": {"commands": [SCHEDULE]},
        "fail": {"failure": {"message": "no"}},
        "history": {"token": FROM_THE_BEGINNING},
    }
    await peer.ask(verb, **about, **more.get(verb, {}))
    refused = await peer.next("refused", "acks", "answer")
    assert refused["type"] == "refused"
    assert (refused["status"], refused["body"]["reason"]) == (409, "workflow_task_attempt_mismatch")
    await peer.acknowledged(await peer.complete(task))


async def test_a_claim_that_was_never_committed_ends_the_stream_and_its_reports_are_refused(
    stage: Any, disk: Any, held: Callable[[Json], Json]
) -> None:
    lost = await lose_claim(stage, disk)
    again = await stage.peer(register=False, claims=True, held=[held(lost)])
    assert again.welcome["dropped"] == [lost["task_id"]]
    await start(stage)
    task = await again.task()
    assert task["claim"] != lost["claim"]
    await again.acknowledged(await again.complete(task))


async def test_a_lost_claim_is_refused_where_the_lease_has_none(stage: Any, disk: Any) -> None:
    """The same attempt was made again by a poll of the same worker, which needs no claim."""
    lost = await lose_claim(stage, disk)
    await start(stage)
    task = await stage.poll("w")
    body = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": [SCHEDULE]}
    path = f"/worker/workflow-tasks/{task['task_id']}/complete"
    late = await stage.post(path, body | {"claim": lost["claim"]})
    assert (late.status_code, late.json()["reason"]) == (409, "workflow_task_attempt_mismatch")
    assert (await stage.post(path, body)).status_code == 200


async def test_the_same_attempt_under_another_claim_is_not_held_and_not_reported(
    stage: Any, held: Callable[[Json], Json]
) -> None:
    """As after a crash that lost a claim: the attempt is made again, with the same number."""
    peer = await stage.peer(claims=True)
    await start(stage)
    task = await peer.task()
    peer.drop()
    again = await stage.peer(register=False, claims=True, held=[held(task) | {"claim": "lost"}])
    assert again.welcome["dropped"] == [task["task_id"]]
    second = await again.task()
    assert second["task_id"] == task["task_id"]


async def test_a_task_that_is_held_with_its_claim_stays_its_workers(
    stage: Any, held: Callable[[Json], Json]
) -> None:
    peer = await stage.peer(claims=True)
    run = (await start(stage)).json()
    task = await peer.task()
    peer.drop()
    again = await stage.peer(register=False, claims=True, held=[held(task)])
    assert again.welcome["dropped"] == []
    await again.ask("alive", held=[held(task)])
    assert (await again.next("answer"))["body"]["dropped"] == []
    await again.acknowledged(await again.complete(task))
    assert (await stage.events(run)).count("WorkflowCompleted") == 1


async def test_the_claim_of_a_lease_is_gone_with_it(stage: Any) -> None:
    peer = await stage.peer(claims=True)
    await start(stage)
    task = await peer.task()
    assert leases(stage) == [("leased", task["claim"])]
    await peer.acknowledged(await peer.complete(task, SCHEDULE))
    assert leases(stage) == [(None, None)]


async def test_a_page_of_a_task_that_is_not_committed_yet_waits_for_it(
    stage: Any, disk: Any
) -> None:
    peer = await stage.peer(claims=True)
    disk.may_sync.clear()
    starting = asyncio.create_task(start(stage))
    task = await peer.task()
    await peer.ask(
        "history",
        kind="workflow",
        task_id=task["task_id"],
        attempt=1,
        claim=task["claim"],
        token=FROM_THE_BEGINNING,
    )
    assert await peer.silent()
    disk.may_sync.set()
    await starting
    assert (await peer.next("answer", "refused"))["type"] == "answer"


async def test_the_report_of_a_task_is_committed_with_what_made_it_ready(
    stage: Any, disk: Any
) -> None:
    """One sync serves both, where the worker answers at once; a step takes two without claims."""
    steps = 20

    async def run_steps(workflow_id: str, peer: Any) -> int:
        await stage.start(workflow_id)
        task = await peer.task()
        before = disk.syncs
        for _ in range(steps):
            await peer.complete(task, SCHEDULE)
            await peer.complete_activity(await peer.task("activity"))
            task = await peer.task()
        taken: int = disk.syncs - before
        await peer.acknowledged(await peer.complete(task))
        return taken

    peer = await stage.peer(claims=True)
    fewest = min([await run_steps(f"wf-{number}", peer) for number in range(10)])
    assert fewest < 2 * steps
