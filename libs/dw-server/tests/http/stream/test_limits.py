"""What one peer, and all of them, can make the server keep."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from durable_workflow.server.http.stream import outbox
from durable_workflow.server.store.sqlite import SqliteStore

LARGE = {"codec": "json", "blob": '["' + "x" * 1_000_000 + '"]'}


async def test_a_peer_that_does_not_read_gets_no_more_tasks(stage: Any) -> None:
    slow = await stage.peer("slow", "s", slots={"workflow": 100})
    slow.socket.transport.pause_reading()
    for number in range(20):
        await stage.start(f"wf-{number}", input=LARGE)
    [shown] = (await stage.get("/workflows/wf-0/debug"))["task_queue"]["dispatch"]["streams"]
    assert shown["clogged"]
    assert shown["credits"]["workflow"] == 0
    assert 8 <= shown["used"]["workflow"] < 16, "eight megabytes, and what the sockets take"
    slow.drop()


async def test_what_a_peer_that_does_not_read_has_is_others_when_it_has_been_dropped(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "CLOGGED_SECONDS", 0.5)
    slow = await stage.peer("slow", "s", slots={"workflow": 100})
    slow.socket.transport.pause_reading()
    for number in range(20):
        await stage.start(f"wf-{number}", input=LARGE)
    other = await stage.peer("other", "o", slots={"workflow": 20})
    found = {(await other.task(seconds=10))["workflow_id"] for _ in range(20)}
    assert len(found) == 20
    slow.drop()


async def test_a_peer_that_reads_again_gets_what_waited(stage: Any) -> None:
    slow = await stage.peer("slow", "s", slots={"workflow": 100})
    slow.socket.transport.pause_reading()
    for number in range(20):
        await stage.start(f"wf-{number}", input=LARGE)
    slow.socket.transport.resume_reading()
    found = {(await slow.task())["workflow_id"] for _ in range(20)}
    assert len(found) == 20


async def test_a_stream_is_not_read_while_as_many_units_wait_as_may(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it brings is neither refused nor lost: it waits, and is done in its order."""
    peer = await stage.peer("w", "s")
    await stage.start("wf-1")
    await stage.start("wf-2")
    tasks = [await peer.task(), await peer.task()]
    full, looked = True, asyncio.Event()

    def is_full(_: SqliteStore) -> bool:
        looked.set()
        return full

    monkeypatch.setattr(SqliteStore, "is_full", is_full)
    reports = [await peer.complete(task) for task in tasks]
    await asyncio.wait_for(looked.wait(), 10)
    assert await peer.silent()
    assert (await stage.get("/workflows/wf-1"))["status"] == "pending"
    full = False
    await peer.acknowledged(*reports)
    assert (await stage.get("/workflows/wf-2"))["status"] == "completed"


async def test_a_hundred_workers_connect_within_a_second_or_so(stage: Any) -> None:
    for number in range(100):
        await stage.register(f"w-{number}", "s")
    began = time.monotonic()
    peers = await asyncio.gather(
        *(stage.peer(f"w-{number}", "s", register=False) for number in range(100))
    )
    took = time.monotonic() - began
    assert took < 10, "a bound for a busy machine; a second where nothing else runs"
    for number in range(100):
        await stage.start(f"wf-{number}")
    tasks = await asyncio.gather(*(peer.task() for peer in peers))
    assert len({task["workflow_id"] for task in tasks}) == 100, "one each: the least used first"


async def test_a_megabyte_goes_there_and_back_as_argument_result_and_history(stage: Any) -> None:
    blob = {"codec": "json", "blob": '["' + "x" * 1_400_000 + '"]'}
    peer = await stage.peer()
    await stage.start(input=blob)
    task = await peer.task()
    assert task["arguments"] == blob
    schedule = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
    await peer.complete(task, {**schedule, "arguments": blob})
    activity = await peer.task("activity")
    assert activity["arguments"] == blob
    await peer.ask(
        "complete",
        kind="activity",
        task_id=activity["task_id"],
        attempt=activity["activity_attempt_id"],
        result=blob,
    )
    task = await peer.task()
    events = list(task["history_events"])
    pages = 1
    while task["next_history_page_token"] is not None:
        pages += 1
        await peer.ask(
            "history",
            task_id=task["task_id"],
            attempt=task["workflow_task_attempt"],
            token=task["next_history_page_token"],
        )
        page = (await peer.next("answer"))["body"]
        events += page["history_events"]
        task["next_history_page_token"] = page["next_history_page_token"]
    assert pages > 1, "an event of more than a megabyte is alone in a page"
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    await peer.acknowledged(
        await peer.complete(task, {"type": "complete_workflow", "result": blob})
    )


async def test_debug_shows_who_has_a_stream_and_what_found_nobody(stage: Any) -> None:
    await stage.peer(slots={"workflow": 1}, supported_workflow_types=["flow"])
    await stage.start()
    await stage.start("other", workflow_type="unserved")
    shown = (await stage.get("/workflows/wf/debug"))["task_queue"]["dispatch"]
    assert shown == {
        "streams": [
            {
                "worker_id": "w",
                "session": "s",
                "slots": {"workflow": 1, "activity": 10, "query": 10},
                "used": {"workflow": 1, "activity": 0, "query": 0},
                "credits": {"workflow": 0, "activity": 10, "query": 10},
                "clogged": False,
                "draining": False,
            }
        ],
        "waiting": {"workflow": [{"type": "unserved", "build_id": None}], "activity": []},
    }
