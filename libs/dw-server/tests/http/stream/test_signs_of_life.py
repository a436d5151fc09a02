"""Signs of life of workers that have nothing: many are taken together, and cost little."""

from __future__ import annotations

import asyncio
import json
from typing import Any

SAID = {
    "task_slots": {"workflow_available": 7},
    "process_metrics": {"host": "h", "memory_bytes": 5},
}


async def _once_written(stage: Any, worker_id: str) -> Any:
    """The worker; what all of them have said is written together, a second later."""
    async with asyncio.timeout(10):
        while True:
            worker = await stage.get(f"/workers/{worker_id}")
            if worker.get("process_metrics"):
                return worker
            await asyncio.sleep(0.05)


async def test_those_of_idle_workers_are_answered_without_being_received(
    stage: Any, received: list[bytes]
) -> None:
    peers = [await stage.peer(f"w-{number}") for number in range(5)]
    received.clear()
    answers: list[Any] = []
    for _ in range(2):
        ids = [await peer.ask("alive", **SAID) for peer in peers]
        answers = [await peer.next("answer") for peer in peers]
        assert [answer["id"] for answer in answers] == ids
        assert {answer["status"] for answer in answers} == {200}
    assert answers[3]["body"] == {
        "worker_id": "w-3",
        "acknowledged": True,
        "heartbeat_interval_seconds": 10,
        "stale_after_seconds": 60,
        "dropped": [],
    }
    assert received == []

    assert (await _once_written(stage, "w-3"))["process_metrics"]["memory_bytes"] == 5


async def test_no_more_slots_are_free_than_there_are(stage: Any) -> None:
    peer = await stage.peer("w-1")
    most = (await stage.get("/workers/w-1"))["max_concurrent_workflow_tasks"]
    said = {"workflow_available": most + 1, "activity_available": 0}
    await peer.ask("alive", task_slots=said, process_metrics={"host": "h", "memory_bytes": 6})
    worker = await _once_written(stage, "w-1")
    assert worker["task_slots"] == {"workflow_available": most, "activity_available": 0}


async def test_what_follows_one_is_done_after_it(stage: Any) -> None:
    peer = await stage.peer()
    await stage.start()
    task = await peer.task()
    await peer.acknowledged(await peer.complete(task))
    first = await peer.ask("alive", **SAID)
    await peer.send({"type": "dance", "id": 70})
    assert [(await peer.next("answer", "refused"))["id"] for _ in range(2)] == [first, 70]


async def test_one_in_pieces_or_with_others_is_taken_as_well(
    stage: Any, received: list[bytes]
) -> None:
    peer = await stage.peer()
    received.clear()
    alive = {"type": "alive", "id": 1, **SAID}
    await peer.socket.send(iter([json.dumps([alive])[:20], json.dumps([alive])[20:]]))
    assert (await peer.next("answer"))["id"] == 1
    await peer.send({**alive, "id": 2}, {**alive, "id": 3})
    assert [(await peer.next("answer"))["id"] for _ in range(2)] == [2, 3]
    assert len(received) == 2


async def test_one_of_a_worker_that_has_a_task_is_received(
    stage: Any, received: list[bytes]
) -> None:
    peer = await stage.peer()
    await stage.start()
    await peer.task()
    received.clear()
    await peer.ask("alive", held=[])
    assert (await peer.next("answer"))["status"] == 200
    assert len(received) == 1


async def test_what_is_wrong_with_one_is_refused(stage: Any, received: list[bytes]) -> None:
    peer = await stage.peer()
    await peer.ask("alive", task_slots={"workflow_available": -1})
    refused = await peer.next("refused")
    assert (refused["status"], list(refused["body"]["errors"])) == (
        422,
        ["task_slots.workflow_available"],
    )
    received.clear()
    await peer.send({"type": "alive", "id": "one"})
    assert await peer.ended() == 1007
    assert len(received) == 1


async def test_a_goodbye_right_after_one_ends_the_stream(stage: Any) -> None:
    peer = await stage.peer()
    await peer.ask("alive")
    await peer.send({"type": "bye"})
    assert await peer.ended() == 1000
