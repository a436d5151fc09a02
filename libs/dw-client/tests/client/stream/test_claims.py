"""Claims of tasks that may not be committed yet: named in all that is said, doubted with a cut."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from durable_workflow._meet import Lease, Report
from durable_workflow.client._stream._stream import HttpStream
from durable_workflow.errors import ServerError

Json = dict[str, Any]
Begin = Callable[..., HttpStream]

WELCOME: Json = {"type": "welcome", "grace_ms": 1000, "heartbeat_seconds": 10, "dropped": []}
ACTIVITY: Json = {
    "type": "task",
    "kind": "activity",
    "task": {"task_id": "t-1", "activity_attempt_id": "a-1", "activity_type": "act"},
}
EARLY: Json = {
    "type": "task",
    "kind": "workflow",
    "task": {"task_id": "t-2", "workflow_task_attempt": 1, "claim": "c-1"},
}
EARLY_HELD: Json = {"kind": "workflow", "task_id": "t-2", "attempt": 1, "claim": "c-1"}


async def reporting(stream: HttpStream, report: Report) -> asyncio.Task[Any]:
    task = asyncio.create_task(stream.report(report))
    await asyncio.sleep(0)
    return task


def early_report(claim: str = "c-1") -> Report:
    return Report(Lease("workflow", "t-2", 1, "w", claim), "complete", {"commands": []})


async def test_a_claim_is_named_in_all_that_is_said_of_its_task(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await peer.send(EARLY)
    assert await stream.poll("workflow", timeout=30) == EARLY["task"]
    asking = asyncio.create_task(stream.history(early_report().lease, "more"))
    message = await peer.next()
    assert (message["type"], message["claim"]) == ("history", "c-1")
    await peer.send({"type": "answer", "id": message["id"], "status": 200, "body": {}})
    await asking
    alive = asyncio.create_task(stream.alive({}))
    message = await peer.next()
    assert message["held"] == [EARLY_HELD]
    await peer.send({"type": "answer", "id": message["id"], "status": 200, "body": {}})
    await alive
    report = await reporting(stream, early_report())
    message = await peer.next()
    assert {name: message[name] for name in EARLY_HELD} == EARLY_HELD
    await peer.acknowledge(message)
    await report


async def test_a_cut_puts_in_doubt_the_claims_that_are_not_acknowledged(
    open_stream: Begin, server: Any, listener: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    other = {**EARLY, "task": {**EARLY["task"], "task_id": "t-3", "claim": "c-2"}}
    await peer.send(EARLY, other, ACTIVITY)
    await stream.poll("workflow", timeout=30)
    report = await reporting(stream, early_report())
    await peer.acknowledge(await peer.next())
    await report
    await peer.cut()
    again = await server.peer()
    assert listener.doubts == ["c-2"]
    assert [each.get("claim") for each in again.hello["held"]] == ["c-2", None]


async def test_the_same_attempt_under_another_claim_is_another_task(
    open_stream: Begin, server: Any
) -> None:
    """The first was never committed: what is still reported of it is not sent as the second's."""
    stream = open_stream()
    peer = await server.peer()
    await peer.send(EARLY)
    await stream.poll("workflow", timeout=30)
    server.answers.append([{**WELCOME, "dropped": ["t-2"]}])
    await peer.cut()
    again = await server.peer()
    second = {**EARLY, "task": {**EARLY["task"], "claim": "c-2"}}
    await again.send(second)
    assert await stream.poll("workflow", timeout=30) == second["task"]
    late = await reporting(stream, early_report())
    message = await again.next()
    assert message["claim"] == "c-1"
    body = {"reason": "workflow_task_attempt_mismatch"}
    await again.send({"type": "refused", "id": message["id"], "status": 409, "body": body})
    with pytest.raises(ServerError):
        await late
    report = await reporting(stream, early_report("c-2"))
    message = await again.next()
    assert message["claim"] == "c-2"
    await again.acknowledge(message)
    await report


async def test_a_claim_whose_task_was_dropped_while_it_waited_is_settled(
    open_stream: Begin, server: Any, listener: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await peer.send(EARLY, ACTIVITY)
    assert await stream.poll("activity", timeout=30) is not None, "the frame was taken"
    server.answers.append([{**WELCOME, "dropped": ["t-2"]}])
    await peer.cut()
    again = await server.peer()
    await again.send({**ACTIVITY, "task": {**ACTIVITY["task"], "task_id": "t-3"}})
    assert await stream.poll("activity", timeout=30) is not None, "the welcome was taken"
    assert await stream.poll("workflow", timeout=0.2) is None
    assert listener.settled_claims == ["c-1"]
    assert (await again.next())["type"] == "fail"  # it takes a slot until it is reported
