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

    assert described.headers["preference-applied"] == "wait=0"
