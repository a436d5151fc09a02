"""What is held for a run or a namespace that is deleted meanwhile: it is told so at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from durable_workflow.server.lifecycle import Server
from durable_workflow.server.records import runs
from durable_workflow.server.settings import Settings

VERSIONS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.1",
    "X-Namespace": "going",
}
# Method, path below the workflow, body, what the caller prefers, and the reason of the answer.
HELD: dict[str, tuple[str, str, dict[str, Any] | None, str, str]] = {
    "description": ("GET", "", None, "wait=50", "instance_not_found"),
    "of a run": ("GET", "/runs/{run}", None, "wait=50", "run_not_found"),
    "minimal": ("GET", "", None, "wait=50, return=minimal", "run_not_found"),
    "history": (
        "GET",
        "/runs/{run}/history?wait_new_event=1&next_page_token=OTk=",
        None,
        "",
        "run_not_found",
    ),
    "update": (
        "POST",
        "/update/u",
        {"wait_for": "completed", "wait_timeout_seconds": 50},
        "",
        "instance_not_found",
    ),
    "query": ("POST", "/query/q", {}, "", "namespace_not_found"),
}


async def ask(
    client: httpx.AsyncClient, method: str, path: str, body: Any = None, prefer: str = ""
) -> httpx.Response:
    headers = VERSIONS | ({"Prefer": prefer} if prefer else {})
    return await client.request(method, f"/api{path}", json=body, headers=headers)


def until_held(server: Server) -> Callable[[], bool]:
    """Whether a request is held, or a query waits for a worker."""
    return lambda: bool(server.dispatcher.admission.held or server.queries.pending("going", "q"))


async def begin(client: httpx.AsyncClient) -> str:
    """Start a run in a namespace that will go; its id."""
    await ask(client, "POST", "/namespaces", {"name": "going"})
    start = {"workflow_id": "wf", "workflow_type": "t", "task_queue": "q"}
    run_id: str = (await ask(client, "POST", "/workflows", start)).json()["run_id"]
    return run_id


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("held", HELD)
async def test_what_is_held_is_told_that_its_namespace_is_gone(connected: Any, held: str) -> None:
    method, below, body, prefer, reason = HELD[held]
    server = Server(Settings(db=":memory:", long_poll_timeout=50))
    async with connected(server=server, timeout=60) as client:
        run = await begin(client)
        worker = {"worker_id": "w", "task_queue": "q", "runtime": "go"}
        await ask(client, "POST", "/worker/register", worker | {"capabilities": ["query_tasks"]})
        path = f"/workflows/wf{below.format(run=run)}"
        waiting = asyncio.create_task(ask(client, method, path, body, prefer))
        await wait_for(until_held(server))
        await ask(client, "DELETE", "/namespaces/going")
        async with asyncio.timeout(25):  # a query waits for 30 s
            answer = await waiting
    assert (answer.status_code, answer.json()["reason"]) == (404, reason)


@pytest.mark.parametrize("by", ["deletion of its namespace", "retention"])
async def test_those_who_watch_a_run_that_is_removed_look_again_at_once(
    connected: Any, by: str
) -> None:
    server = Server(Settings(db=":memory:", long_poll_timeout=0))
    looked = asyncio.Event()

    async with connected(server=server) as client:
        run = await begin(client)
        if by == "retention":
            await ask(client, "POST", "/workflows/wf/terminate", {})

        async def is_gone() -> bool:
            gone = await server.store.read(lambda read: runs.find(read, run) is None)
            looked.set()
            return gone

        nobody_leaves = asyncio.get_running_loop().create_future
        # An hour: no look is due but the one that a notice asks for.
        watch = server.dispatcher.watch(
            run, is_gone, bool, 3600, nobody_leaves, end_only=True, every=3600
        )
        watching = asyncio.create_task(watch)
        await looked.wait()
        if by == "retention":
            await ask(client, "POST", "/system/retention/pass", {"run_ids": [run]})
        else:
            await ask(client, "DELETE", "/namespaces/going")
        async with asyncio.timeout(30):
            assert await watching
