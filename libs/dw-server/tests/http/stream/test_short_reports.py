"""Reports in short frames: they are taken as they arrive, and told as all others are."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

Json = dict[str, Any]
BLOB = {"codec": "json", "blob": "1"}
COMPLETE = {"type": "complete_workflow", "result": BLOB}
NESTED: Any = [[[]] for _ in range(40)]


def report(task: Json, number: int, verb: str = "complete", **more: Any) -> Json:
    said: Json = {"commands": [COMPLETE]} if verb == "complete" else {"failure": {"message": "no"}}
    return {
        "type": verb,
        "id": number,
        "kind": "workflow",
        "task_id": task["task_id"],
        "attempt": task["workflow_task_attempt"],
        **said,
        **more,
    }


async def test_one_is_taken_without_being_received(stage: Any, received: list[bytes]) -> None:
    peer = await stage.peer()
    await stage.start()
    task = await peer.task()
    received.clear()
    await peer.acknowledged(await peer.complete(task))
    assert received == []
    assert await stage.status() == "completed"


async def test_those_of_one_frame_are_done_in_order(stage: Any, received: list[bytes]) -> None:
    peer = await stage.peer()
    await stage.start("a")
    await stage.start("b")
    tasks = [await peer.task(), await peer.task()]
    received.clear()
    again = report(tasks[0], 3)
    await peer.send(report(tasks[0], 1), report(tasks[1], 2), again)
    assert (await peer.next("refused"))["id"] == 3
    await peer.acknowledged(1, 2)
    assert received == []


@pytest.mark.parametrize(
    "what", ["brackets", "pieces", "two frames", "large", "with a sign", "with another"]
)
async def test_all_others_are_received(stage: Any, received: list[bytes], what: str) -> None:
    peer = await stage.peer()
    await stage.start()
    task = await peer.task()
    received.clear()
    said = report(task, 1)
    match what:
        case "brackets":
            await peer.send(said | {"unknown": NESTED})
        case "pieces":
            text = json.dumps([said])
            await peer.socket.send(iter([text[:30], text[30:]]))
        case "two frames":
            for message in (said, {"type": "dance", "id": 2}):
                peer.socket.protocol.send_text(json.dumps([message]).encode())
            peer.socket.transport.write(b"".join(peer.socket.protocol.data_to_send()))
        case "large":
            await peer.send(said | {"unknown": "x" * 5000})
        case "with a sign":
            await peer.send(said, {"type": "alive", "id": 2})
        case _:
            await peer.send(said, {"type": "dance", "id": 2})
    assert (await peer.next("acks"))["ids"] == [1]
    assert received
    assert await stage.status() == "completed"


async def test_what_is_no_message_ends_the_connection(stage: Any) -> None:
    peer = await stage.peer()
    await stage.start()
    task = await peer.task()
    await peer.send(report(task, 1), report(task, -1))
    assert await peer.ended() == 1007


async def test_its_lines_are_logged_as_those_of_the_stream(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await stage.peer()
    for number, more in enumerate([{}, {"unknown": "x" * 5000}]):
        await stage.start(f"wf-{number}")
        await peer.send(report(await peer.task(), number, "fail", **more))
        await peer.acknowledged(number)
    lines = [each for each in caplog.records if "workflow task of" in each.msg]
    assert [each.levelno for each in lines] == [logging.WARNING] * 2
    requests = [each.__dict__["request"] for each in lines]
    assert requests[0] is requests[1]
    assert requests[0].route.endswith("/worker/stream")
