"""Answers that are held: a history until it goes on, a description until its run is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import httpx
import msgspec

from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import Settings

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}
AT_ONCE = Settings(db=":memory:", long_poll_timeout=0)
# `connected` of conftest.py: a client of an application, in memory.
Connected: TypeAlias = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


async def test_history_is_held_until_there_is_another_event(connected: Connected) -> None:
    settings = msgspec.structs.replace(AT_ONCE, long_poll_timeout=30)
    async with connected(settings) as client:
        start = {"workflow_id": "w", "workflow_type": "t"}
        started = (await client.post("/api/workflows", json=start, headers=CONTROL)).json()
        path = f"/api/workflows/w/runs/{started['run_id']}/history?wait_new_event=1"

        whole = await client.get(path, headers=CONTROL)
        held = asyncio.create_task(client.get(f"{path}&next_page_token=Mg==", headers=CONTROL))
        await asyncio.wait({held}, timeout=0.2)
        waited = not held.done()
        await client.post("/api/workflows/w/signal/go", headers=CONTROL)
        async with asyncio.timeout(5):
            answer = await held

    assert [event["sequence"] for event in whole.json()["events"]] == [1, 2]
    assert waited
    assert [event["sequence"] for event in answer.json()["events"]] == [3]


async def test_history_without_another_event_is_empty_when_time_is_up(connected: Connected) -> None:
    settings = msgspec.structs.replace(AT_ONCE, long_poll_timeout=0.05)
    async with connected(settings) as client:
        start = {"workflow_id": "w", "workflow_type": "t"}
        started = (await client.post("/api/workflows", json=start, headers=CONTROL)).json()
        path = f"/api/workflows/w/runs/{started['run_id']}/history"
        answer = await client.get(
            f"{path}?wait_new_event=true&next_page_token=Mg==", headers=CONTROL
        )

    assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert answer.json()["next_page_token"] is None


async def test_a_history_says_what_its_run_was_started_with(connected: Connected) -> None:
    async with connected(AT_ONCE) as client:
        start = {
            "workflow_id": "w",
            "workflow_type": "t",
            "input": {"codec": "json", "blob": "[1]"},
        }
        started = (await client.post("/api/workflows", json=start, headers=CONTROL)).json()
        path = f"/api/workflows/w/runs/{started['run_id']}/history"
        await client.post("/api/workflows/w/signal/go", headers=CONTROL)
        whole = (await client.get(path, headers=CONTROL)).json()
        pages = [whole]
        for size, expected in (("1", [1]), ("1", [2]), ("5", [3])):
            token = pages[-1]["next_page_token"] if len(pages) > 1 else None
            query = f"?page_size={size}" + (f"&next_page_token={token}" if token else "")
            pages.append((await client.get(path + query, headers=CONTROL)).json())
            assert [event["sequence"] for event in pages[-1]["events"]] == expected

    payload = whole["events"][1]["payload"]
    assert payload["input_envelope"] == {"codec": "json", "blob": "[1]"}
    assert payload["workflow_type"] == "t"
    assert [event for page in pages[1:] for event in page["events"]] == whole["events"]


async def test_a_history_of_a_run_without_input_says_so(connected: Connected) -> None:
    async with connected(AT_ONCE) as client:
        start = {"workflow_id": "w", "workflow_type": "t"}
        started = (await client.post("/api/workflows", json=start, headers=CONTROL)).json()
        path = f"/api/workflows/w/runs/{started['run_id']}/history"
        payload = (await client.get(path, headers=CONTROL)).json()["events"][1]["payload"]

    assert payload["input"] == []
    assert "input_envelope" not in payload


async def test_a_query_may_follow_prefer_wait_until_the_run_closes(connected: Connected) -> None:
    server = Server(AT_ONCE)
    async with connected(server=server) as client:
        worker = {"worker_id": "w", "task_queue": "default", "runtime": "python"}
        start = {"workflow_id": "w", "workflow_type": "t"}
        await client.post("/api/worker/register", json=worker, headers=WORKER)
        await client.post("/api/workflows", json=start, headers=CONTROL)
        described = await client.get("/api/workflows/w", headers={**CONTROL, "Prefer": "wait=0"})
        assert described.json()["is_terminal"] is False
        assert described.headers["preference-applied"] == "wait=0"

        headers = {**CONTROL, "Prefer": "respond-async, wait=9999"}
        held = asyncio.create_task(client.get("/api/workflows/w", headers=headers))
        answer = await client.post("/api/worker/workflow-tasks/poll", json=worker, headers=WORKER)
        task = answer.json()["task"]
        completion = {
            "lease_owner": "w",
            "workflow_task_attempt": 1,
            "commands": [{"type": "complete_workflow"}],
        }
        path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
        completed = await client.post(path, json=completion, headers=WORKER)
        assert completed.status_code == 200

        async with asyncio.timeout(5):
            answer = await held
        assert answer.json()["status"] == "completed"
        assert answer.headers["preference-applied"] == "wait=60"


async def test_preferences_may_stand_in_several_lines(client: httpx.AsyncClient) -> None:
    start = {"workflow_id": "w", "workflow_type": "t"}
    await client.post("/api/workflows", json=start, headers=CONTROL)
    lines = [*CONTROL.items(), ("Prefer", "wait=0"), ("Prefer", "return=minimal")]
    described = await client.get("/api/workflows/w", headers=lines)

    assert described.headers["preference-applied"] == "wait=0, return=minimal"


BLOB = {"codec": "json", "blob": "1"}
HELD = {**CONTROL, "Prefer": "wait=30"}
START = {"workflow_id": "w", "workflow_type": "t"}


async def work(client: httpx.AsyncClient, *commands: dict[str, object]) -> None:
    """Complete one workflow task, as a worker would."""
    worker = {"worker_id": "w", "task_queue": "default", "runtime": "python"}
    await client.post("/api/worker/register", json=worker, headers=WORKER)
    while True:
        answer = await client.post("/api/worker/workflow-tasks/poll", json=worker, headers=WORKER)
        task = answer.json()["task"]
        if task is not None:
            break
    completion = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": commands}
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    assert (await client.post(path, json=completion, headers=WORKER)).status_code == 200


async def test_a_start_may_be_held_until_the_run_closes(connected: Connected) -> None:
    async with connected(AT_ONCE) as client, asyncio.timeout(5):
        held = asyncio.create_task(client.post("/api/workflows", json=START, headers=HELD))
        await work(client, {"type": "complete_workflow", "result": BLOB})
        answer = await held
        described = await client.get(
            "/api/workflows/w", headers={**CONTROL, "Prefer": "return=minimal"}
        )

    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "wait=30, return=minimal"
    body = answer.json()
    assert body.pop("outcome") == "started_new"
    assert body == {
        "workflow_id": "w",
        "run_id": body["run_id"],
        "workflow_type": "t",
        "status": "completed",
        "is_terminal": True,
        "closed_reason": "completed",
        "payload_codec": "avro",
        "output_envelope": BLOB,
    }
    assert described.json() == body
    assert described.headers["preference-applied"] == "return=minimal"


async def test_a_held_start_tells_failures_and_further_runs(connected: Connected) -> None:
    async with connected(AT_ONCE) as client, asyncio.timeout(5):
        held = asyncio.create_task(client.post("/api/workflows", json=START, headers=HELD))
        await work(client, {"type": "fail_workflow", "message": "boom"})
        failed = (await held).json()
        again = {**START, "duplicate_policy": "allow"}
        held = asyncio.create_task(client.post("/api/workflows", json=again, headers=HELD))
        await work(client, {"type": "continue_as_new"})
        continued = (await held).json()
        current = await client.get("/api/workflows/w", headers=CONTROL)

    assert (failed["status"], failed["failure"]["message"]) == ("failed", "boom")
    assert "output_envelope" not in failed
    assert (continued["closed_reason"], continued["is_terminal"]) == ("continued", True)
    assert continued["continued_to_run_id"] == current.json()["run_id"]


async def test_a_held_start_that_does_not_end_says_so(connected: Connected) -> None:
    async with connected(AT_ONCE) as client, asyncio.timeout(5):
        headers = {**CONTROL, "Prefer": "wait=1"}
        answer = await client.post("/api/workflows", json=START, headers=headers)

    assert (answer.status_code, answer.json()["is_terminal"]) == (201, False)
    assert answer.json()["status"] == "pending"


async def test_a_start_that_is_sent_again_is_held_like_the_first(connected: Connected) -> None:
    headers = {**HELD, "Idempotency-Key": "k"}
    async with connected(AT_ONCE) as client, asyncio.timeout(5):
        both = [
            asyncio.create_task(client.post("/api/workflows", json=START, headers=headers))
            for _ in range(2)
        ]
        await work(client, {"type": "complete_workflow", "result": BLOB})
        first, second = await asyncio.gather(*both)
        late = await client.post("/api/workflows", json=START, headers=headers)
        other = await client.post("/api/workflows", json=START, headers=HELD)

    assert first.json() == second.json() == late.json()
    assert first.json()["output_envelope"] == BLOB
    assert (other.status_code, other.json()["reason"]) == (409, "duplicate_not_allowed")


async def test_a_start_that_cannot_be_held_is_answered_at_once(connected: Connected) -> None:
    settings = msgspec.structs.replace(AT_ONCE, max_waiting_polls=0)
    async with connected(settings) as client, asyncio.timeout(5):
        answer = await client.post("/api/workflows", json=START, headers=HELD)

    assert (answer.status_code, answer.json()["outcome"]) == (201, "started_new")
    assert "preference-applied" not in answer.headers
