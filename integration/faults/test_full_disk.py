"""A disk without room: what cannot be kept is refused, what is there can be read, and it heals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest

from durable_workflow.client import Client
from durable_workflow.errors import ServerError
from durable_workflow.history_bundle_verify import verify_bundle
from durable_workflow.retry_policy import TransportRetryPolicy
from durable_workflow.server import embedded_server

VERSION = {"X-Durable-Workflow-Control-Plane-Version": "2"}
ONCE = TransportRetryPolicy(max_attempts=1)


class FullDisk(apsw.VFS):
    """The system's files, which do not grow while the disk is full.

    Nor does the log take anything then: where it was begun anew it still has room of before, in
    which a small commit may fit that comes after a large one has failed.
    """

    def __init__(self) -> None:
        self.is_full = False
        self.system = apsw.vfs_names()[0]  # the default until now
        super().__init__("full-disk", self.system, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return FullFile(self, name, flags)


class FullFile(apsw.VFSFile):
    def __init__(self, disk: FullDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)
        super().__init__(disk.system, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        grows = self._is_log or offset + len(data) > self.xFileSize()
        if self._disk.is_full and grows:
            raise apsw.FullError("no space left")
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType]  # apsw's Buffer


@pytest.fixture
def disk() -> Iterator[FullDisk]:
    disk = FullDisk()
    yield disk
    disk.unregister()


async def start(client: Client, workflow_id: str) -> str:
    handle = await client.start_workflow(
        workflow_type="t", task_queue="q", workflow_id=workflow_id, input=["x" * 20_000]
    )
    assert handle.run_id is not None
    return handle.run_id


async def start_many(client: Client, kept: dict[str, str]) -> None:
    for number in range(100):
        kept[f"wf-{number}"] = await start(client, f"wf-{number}")


async def probes(http: httpx.AsyncClient) -> tuple[int, int]:
    ready, health = await http.get("/api/ready"), await http.get("/api/health")
    well = ready.status_code == 200
    assert (ready.json()["status"] == "ready") == well
    assert (ready.json()["checks"]["database"]["status"] == "ok") == well
    assert (health.json()["status"] == "serving") == (health.status_code == 200)
    return ready.status_code, health.status_code


async def test_a_full_disk_refuses_what_it_cannot_keep_and_heals(
    disk: FullDisk, tmp_path: Path
) -> None:
    database = tmp_path / "state.db"
    async with (
        embedded_server(db=database) as url,
        Client(url, retry_policy=ONCE) as client,
        httpx.AsyncClient(base_url=url, headers=VERSION, timeout=30) as http,
    ):
        kept = {"before": await start(client, "before")}
        for number in range(300):  # a bundle of several parts
            await client.signal_workflow("before", "go", args=[f"{number}" * 200])
        path = f"/api/workflows/before/runs/{kept['before']}/history/export"
        async with http.stream("GET", path) as export:
            parts = export.aiter_raw()
            received = [await anext(parts)]
            disk.is_full = True  # while the bundle is being sent
            with pytest.raises(ServerError) as refused:
                await start_many(client, kept)
            received += [part async for part in parts]
        assert (refused.value.status, refused.value.reason()) == (503, "store_unavailable")
        # Compressed or not, the whole bundle came.
        whole = httpx.Response(200, headers=export.headers, content=b"".join(received)).content
        assert verify_bundle(json.loads(whole))["status"] == "ok"

        assert await probes(http) == (503, 503)
        # What writes nothing goes on, and says nothing about the disk.
        unknown = await http.post("/api/workflows/unknown/signal/go", json={})
        assert unknown.status_code == 404
        assert (await client.describe_workflow("before")).run_id == kept["before"]
        again = await client.export_history("before", kept["before"])
        assert verify_bundle(again)["status"] == "ok"
        assert await probes(http) == (503, 503)
        answer = await http.post("/api/workflows/before/signal/go", json={})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")

        disk.is_full = False
        assert await probes(http) == (200, 200)
        kept["after"] = await start(client, "after")

    async with embedded_server(db=database) as url, Client(url) as client:
        listed = {run.workflow_id: run.run_id async for run in client.iter_workflows()}
        assert listed == kept
