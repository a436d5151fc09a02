"""The example of a worker on the stream alone, run as a reader would, and cut from its server."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx

from integration.harness.processes import ManagedProcess, ServerProcess
from integration.harness.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}


async def start(http: httpx.AsyncClient, workflow_id: str) -> None:
    body = {
        "workflow_id": workflow_id,
        "workflow_type": "greet",
        "task_queue": "greetings",
        "input": {"codec": "json", "blob": '["world"]'},
    }
    answer = await http.post("/api/workflows", json=body, headers=CONTROL)
    assert answer.status_code == 201, answer.text


async def ended(http: httpx.AsyncClient, workflow_id: str) -> Any:
    """What a workflow returned."""

    async def look() -> Any:
        return (await http.get(f"/api/workflows/{workflow_id}", headers=CONTROL)).json()

    run = await eventually(look, lambda seen: bool(seen["is_terminal"]))
    assert run["status"] == "completed", run
    return run["output"]


async def test_the_example_greets_also_after_the_server_was_killed(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "state.db") as server:
        worker = ManagedProcess(
            [sys.executable, str(ROOT / "examples/stream_worker.py"), server.url], name="example"
        )
        try:
            async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
                await start(http, "first")
                assert await ended(http, "first") == "Hello, world!"
                server.kill()
                await asyncio.to_thread(server.start)
                await start(http, "second")
                assert await ended(http, "second") == "Hello, world!"
            assert worker.is_running, worker.output
        finally:
            worker.dispose()
