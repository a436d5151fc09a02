"""`external_executor` on the tasks that polls get, and the state of the configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from durable_workflow.server.settings import Settings

WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}
CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
MAPPED = {
    "schema": "durable-workflow.external-executor.config",
    "version": 1,
    "carriers": {"shell": {"type": "process", "secret": "hush"}},
    "mappings": [
        {
            "name": "charge",
            "kind": "activity",
            "activity_type": "charge",
            "task_queue": "q",
            "handler": "h",
            "carrier": "shell",
        }
    ],
}


async def polled(client: httpx.AsyncClient, activity_type: str, poll: str) -> dict[str, Any]:
    """An activity without a workflow, as a worker gets it: twice, as a poll that is repeated."""
    body = {"activity_type": activity_type, "task_queue": "q"}
    started = await client.post("/api/activities", json=body, headers=CONTROL)
    assert started.status_code in (200, 201), started.text
    asked = {"worker_id": "w", "task_queue": "q", "poll_request_id": f"activity-poll-{poll * 32}"}
    path = "/api/worker/activity-tasks/poll"
    first, again = [
        (await client.post(path, json=asked, headers=WORKER)).json()["task"] for _ in range(2)
    ]
    assert first["task_id"] == again["task_id"]
    assert first.get("external_executor") == again.get("external_executor")
    return dict(first)


@pytest.mark.parametrize("valid", [True, False])
async def test_tasks_that_are_mapped_say_so_while_the_configuration_is_valid(
    connected: Any, tmp_path: Path, *, valid: bool
) -> None:
    path = tmp_path / "executors.json"
    path.write_text(json.dumps(MAPPED if valid else MAPPED | {"carriers": {}}))
    settings = Settings(db=":memory:", long_poll_timeout=0, external_executor_config_path=str(path))
    async with connected(settings) as client:
        body = {"worker_id": "w", "task_queue": "q", "runtime": "carrier"}
        await client.post("/api/worker/register", json=body, headers=WORKER)
        task = await polled(client, "charge", "a")
        if valid:
            assert task["external_executor"]["name"] == "charge"
            assert task["external_executor"]["carrier"]["target"] == {"secret": "redacted"}
        else:
            assert "external_executor" not in task
        assert "external_executor" not in await polled(client, "other", "b")
        info = (await client.get("/api/cluster/info")).json()
    runtime = info["worker_protocol"]["external_executor_config_contract"]["runtime"]
    assert runtime["status"] == ("valid" if valid else "invalid")
    assert [each["code"] for each in runtime["errors"]] == (
        [] if valid else ["invalid_schema", "unknown_carrier"]
    )
