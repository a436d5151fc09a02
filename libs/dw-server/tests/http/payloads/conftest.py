"""A server over ASGI with a folder of payloads, its clients and its worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from durable_workflow import serializer
from durable_workflow.external_storage import (
    LocalFilesystemExternalStorage,
    store_external_payload,
)
from durable_workflow.server.app import create_app
from durable_workflow.server.clock import ManualClock
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.services import retention
from durable_workflow.server.settings import Settings

Json = dict[str, Any]
VERSIONS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.1",
}


class Place:
    """A namespace with a folder of payloads, its clients and its worker."""

    def __init__(self, server: Server, http: httpx.AsyncClient, root: Path) -> None:
        self.server = server
        self.http = http
        self.root = root
        self.storage = LocalFilesystemExternalStorage(root / "default")

    async def call(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        return await self.http.request(method, f"/api{path}", json=body, headers=VERSIONS)

    async def ok(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = await self.call(method, path, body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    async def set_policy(self, namespace: str = "default", **policy: Any) -> None:
        body = {"driver": "local"} | policy
        await self.ok("PUT", f"/namespaces/{namespace}/external-storage", body)

    def keep(self, value: Any, **members: Any) -> Json:
        """The envelope of a value that is in the folder of the namespace."""
        data = serializer.encode(value, size_warning=None).encode()
        reference = store_external_payload(self.storage, data, codec="avro")
        return {"codec": "avro", "external_storage": reference.to_dict() | members}

    def path(self, envelope: Json) -> Path:
        return Path(envelope["external_storage"]["uri"].removeprefix("file://"))

    async def start(self, workflow_id: str, given: Json | None = None) -> httpx.Response:
        body: Json = {"workflow_id": workflow_id, "workflow_type": "t", "task_queue": "q"}
        return await self.call("POST", "/workflows", body | ({"input": given} if given else {}))

    async def work(self, path: str, body: Json) -> httpx.Response:
        body = {"worker_id": "w", "task_queue": "q", "lease_owner": "w"} | body
        return await self.call("POST", f"/worker/{path}", body)

    async def task(self, kind: str = "workflow") -> Json:
        task = (await self.work(f"{kind}-tasks/poll", {})).json()["task"]
        assert task is not None
        return dict(task)

    async def decide(self, task: Json, *commands: Json) -> httpx.Response:
        body = {"workflow_task_attempt": task["workflow_task_attempt"], "commands": list(commands)}
        return await self.work(f"workflow-tasks/{task['task_id']}/complete", body)

    async def report(self, task: Json, verb: str, **body: Any) -> httpx.Response:
        body |= {"activity_attempt_id": task["activity_attempt_id"]}
        return await self.work(f"activity-tasks/{task['task_id']}/{verb}", body)

    async def end(self, workflow_id: str) -> str:
        answer = await self.ok("POST", f"/workflows/{workflow_id}/terminate", {})
        run_id: str = answer["run_id"]
        return run_id

    async def prune(self, *run_ids: str) -> list[Json]:
        passed = await self.ok("POST", "/system/retention/pass", {"run_ids": list(run_ids)})
        return list(passed["results"])

    async def look(self) -> None:
        """What the background does from time to time."""
        await retention.remove_expired(self.server.store, self.server.payloads)


@pytest.fixture
async def place(tmp_path: Path, clock: ManualClock, as_described: Any) -> AsyncIterator[Place]:
    root = tmp_path / "payloads"
    settings = Settings(
        db=str(tmp_path / "state.db"), long_poll_timeout=0, external_storage_root=root
    )
    server = Server(settings, clock=clock)
    await server.start()
    transport = httpx.ASGITransport(create_app(server))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", event_hooks=as_described
    ) as http:
        place = Place(server, http, root)
        await place.set_policy()
        register = {"runtime": "python", "capabilities": ["query_tasks"]}
        assert (await place.work("register", register)).status_code == 201
        yield place
    await server.stop()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
