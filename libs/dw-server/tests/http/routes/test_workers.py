"""Registration, heartbeats and goodbyes over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from durable_workflow.server.lifecycle import Server
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.settings import Settings

WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1", "X-Namespace": "default"}


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"/api/worker/{path}", json=body, headers=WORKER)


async def register(client: httpx.AsyncClient, session: str) -> dict[str, Any]:
    answer = await post(
        client,
        "register",
        worker_id="w",
        task_queue="q",
        runtime="python",
        session=session,
        capabilities=["held_tasks"],
    )
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    return body


async def test_the_extensions_are_announced(client: httpx.AsyncClient) -> None:
    offered = (await register(client, "s"))["server_capabilities"]["extensions"]
    assert (offered["held_tasks"], offered["deregister"]) == (1, 1)


async def test_a_held_heartbeat_is_answered_when_another_session_comes(connected: Any) -> None:
    server = Server(Settings(db=":memory:", long_poll_timeout=0))
    async with connected(server=server) as client:
        await register(client, "one")
        beat: dict[str, Any] = {
            "worker_id": "w",
            "session": "one",
            "held_tasks": [],
            "wait_seconds": 60,
        }
        held = asyncio.create_task(post(client, "heartbeat", **beat))
        async with asyncio.timeout(10):
            while not server.dispatcher.admission.held:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.001)
            await register(client, "two")
            answer = await held
        assert answer.json()["wait_seconds"] == 60
        assert answer.json()["dropped"] == []


async def test_a_heartbeat_of_workers_that_know_none_of_it_is_answered_as_before(
    client: httpx.AsyncClient,
) -> None:
    await post(client, "register", worker_id="v", task_queue="q", runtime="python")
    body = (await post(client, "heartbeat", worker_id="v")).json()
    assert body.keys() & {"dropped", "warnings", "wait_seconds"} == set()


async def test_a_held_poll_is_a_sign_of_life_and_claims_nothing_meanwhile(connected: Any) -> None:
    """Of a worker that sends no heartbeat: it is heard each second, by the poll that is held."""
    services = ServiceSettings(heartbeat_interval_seconds=1)
    server = Server(Settings(db=":memory:", long_poll_timeout=30, services=services))
    control = {"X-Durable-Workflow-Control-Plane-Version": "2"}
    async with connected(server=server) as client:
        await post(client, "register", worker_id="v", task_queue="q", runtime="python")
        poll = {"worker_id": "v", "task_queue": "q"}
        held = asyncio.create_task(post(client, "workflow-tasks/poll", **poll))

        async def heard() -> str:
            answer = await client.get("/api/workers/v", headers=control)
            at: str = answer.json()["last_heartbeat_at"]
            return at

        first = await heard()
        async with asyncio.timeout(10):
            while await heard() == first:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.05)
        assert not held.done()
        server.hold_no_more()
        assert (await held).json()["task"] is None


async def test_a_goodbye_is_accepted_twice(client: httpx.AsyncClient) -> None:
    await register(client, "s")
    for known in (True, False):
        answer = await post(client, "deregister", worker_id="w", session="s")
        assert answer.status_code == 200
        assert answer.json()["deregistered"] is known
    poll = {"worker_id": "w", "task_queue": "q", "session": "s"}
    refused = await post(client, "workflow-tasks/poll", **poll)
    assert refused.json()["reason"] == "worker_not_registered"
