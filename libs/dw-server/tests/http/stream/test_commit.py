"""Acknowledged means committed: nothing leaves before its commit, whatever the disk does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.server import Settings

Json = dict[str, Any]
SCHEDULE = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}


@pytest.fixture
async def stage(
    disk: Any, staged: Callable[..., AbstractAsyncContextManager[Any]], tmp_path: Path
) -> AsyncIterator[Any]:
    settings = Settings(db=str(tmp_path / "state.db"), long_poll_timeout=1)
    async with staged(settings) as stage:
        yield stage


def leased(stage: Any, kind: str, task_id: str) -> bool:
    table = "runs" if kind == "workflow" else "activities"
    found: list[tuple[Any, ...]] = stage.committed(
        f"SELECT task_status FROM {table} WHERE task_id = '{task_id}'"
    )
    return found == [("leased",)]


async def test_what_a_failed_commit_made_ready_is_not_pushed(stage: Any, disk: Any) -> None:
    peer = await stage.peer(slots={"workflow": 1})
    disk.fail_from_now_on()
    body = {"workflow_id": "wf", "workflow_type": "flow", "task_queue": "q"}
    answer = await stage.post("/workflows", body)
    assert (answer.status_code, answer.json()["reason"]) == (504, "outcome_unknown")
    assert await peer.silent()

    disk.fails = set()
    await stage.start()
    task = await peer.task()  # its slot was given back
    assert leased(stage, "workflow", task["task_id"])


async def test_a_report_whose_commit_fails_is_refused_pushes_nothing_and_may_be_repeated(
    stage: Any, disk: Any
) -> None:
    peer = await stage.peer()
    run = await stage.start()
    task = await peer.task()
    disk.fail_from_now_on()
    number = await peer.complete(task, SCHEDULE)
    refused = await peer.next("refused", "acks", "task")
    assert (refused["type"], refused["id"], refused["status"]) == ("refused", number, 504)
    assert await peer.silent()

    disk.fails = set()
    await peer.acknowledged(await peer.complete(task, SCHEDULE))
    activity = await peer.task("activity")
    assert leased(stage, "activity", activity["task_id"])
    assert (await stage.events(run)).count("ActivityScheduled") == 1


@pytest.mark.parametrize("number", range(1, 11))
async def test_a_sync_that_fails_anywhere_in_a_run_of_steps_loses_and_doubles_nothing(
    stage: Any, disk: Any, number: int
) -> None:
    peer = await stage.peer()
    disk.fails = {disk.syncs + number}
    started = await stage.post(
        "/workflows", {"workflow_id": "wf", "workflow_type": "flow", "task_queue": "q"}
    )
    if started.status_code == 504:
        started = await stage.post(
            "/workflows", {"workflow_id": "wf", "workflow_type": "flow", "task_queue": "q"}
        )
    run = started.json()
    steps = 0
    while True:
        message = await peer.next("task")
        kind, task = message["kind"], message["task"]
        assert leased(stage, kind, task["task_id"]), "pushed before its commit"
        steps += kind == "activity"
        if kind == "activity":
            await until_taken(peer, peer.complete_activity, task)
        elif steps < 4:
            await until_taken(peer, peer.complete, task, SCHEDULE)
        else:
            await until_taken(peer, peer.complete, task)
            break
    assert disk.syncs >= max(disk.fails), "the sync that was to fail never came"
    disk.fails = set()
    assert await stage.status() == "completed"
    events = await stage.events(run)
    for each in ("ActivityScheduled", "ActivityStarted", "ActivityCompleted"):
        assert events.count(each) == 4, events


async def until_taken(peer: Any, report: Callable[..., Any], *about: Json) -> None:
    """Report until that is acknowledged."""
    async with asyncio.timeout(20):
        while True:
            number = await report(*about)
            message = await peer.next("acks", "refused")
            if message["type"] == "acks":
                assert message["ids"] == [number]
                return
            assert message["status"] == 504, message


async def test_a_goodbye_whose_commit_fails_ends_the_stream_and_is_logged(
    stage: Any, disk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await stage.peer()
    await stage.start()
    task = await peer.task()
    disk.fail_from_now_on()
    await peer.send({"type": "bye"})
    assert await peer.ended() == 1000
    assert "the end of a stream could not be noted" in caplog.text

    disk.fails = set()
    # What it held is its own until it is missed: it may come back for it.
    again = await stage.peer(
        register=False,
        held=[
            {
                "kind": "workflow",
                "task_id": task["task_id"],
                "attempt": task["workflow_task_attempt"],
            }
        ],
    )
    await again.acknowledged(await again.complete(task, SCHEDULE))
