"""A client and a worker on one server, over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from durable_workflow.server.app import create_app
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.settings import Settings

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}
Json = dict[str, Any]


class Wire:
    """A client and a worker on one server."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, path: str, body: Json | None = None) -> httpx.Response:
        return await self.http.post(f"/api/workflows{path}", json=body or {}, headers=CONTROL)

    async def work(self, path: str, body: Json) -> httpx.Response:
        body = {"worker_id": "w", "task_queue": "q", "lease_owner": "w"} | body
        return await self.http.post(f"/api/worker/{path}", json=body, headers=WORKER)

    async def register(self, *capabilities: str, **more: Any) -> None:
        body = {"runtime": "python", "capabilities": list(capabilities)} | more
        assert (await self.work("register", body)).status_code == 201

    async def start(self) -> str:
        body = {"workflow_id": "wf", "workflow_type": "t", "task_queue": "q", "input": [1]}
        run_id: str = (await self.post("", body)).json()["run_id"]
        return run_id

    async def task(self) -> Json:
        task: Json = (await self.work("workflow-tasks/poll", {})).json()["task"]
        return task

    async def complete(self, task: Json, *commands: Json, **more: Any) -> None:
        body = {"workflow_task_attempt": task["workflow_task_attempt"], "commands": list(commands)}
        body |= more
        answer = await self.work(f"workflow-tasks/{task['task_id']}/complete", body)
        assert answer.status_code == 200, answer.text

    async def question(self, worker: str = "w") -> Json:
        """The next query task, waiting for it."""
        task: Json | None = None
        while task is None:
            answer = await self.work("query-tasks/poll", {"worker_id": worker})
            task = answer.json()["task"]
        return task

    async def pending_questions(self) -> int:
        await asyncio.sleep(0)  # over ASGI nothing else lets the askers have their turn
        debug = (await self.http.get("/api/workflows/wf/debug", headers=CONTROL)).json()
        count: int = debug["task_queue"]["admission"]["query_tasks"]["approximate_pending_count"]
        return count

    async def answer(self, task: Json, verb: str = "complete", **body: Any) -> httpx.Response:
        named = {"query_task_attempt": task["query_task_attempt"]}
        if "lease_owner" in task:
            named["lease_owner"] = task["lease_owner"]
        return await self.work(f"query-tasks/{task['query_task_id']}/{verb}", named | body)


@pytest.fixture(scope="session")
def served(as_described: Any) -> Any:
    """Serves the settings given, and gives a client and a worker of that server."""

    @asynccontextmanager
    async def serve(**settings: Any) -> AsyncGenerator[Wire]:
        services = msgspec.structs.replace(ServiceSettings(), **settings)
        server = Server(Settings(db=":memory:", long_poll_timeout=5, services=services))
        await server.start()
        transport = httpx.ASGITransport(create_app(server))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", timeout=30, event_hooks=as_described
        ) as http:
            yield Wire(http)
        await server.stop()

    return serve


@pytest.fixture
async def wire(served: Any) -> AsyncIterator[Wire]:
    async with served() as wire:
        await wire.register("query_tasks")
        yield wire
