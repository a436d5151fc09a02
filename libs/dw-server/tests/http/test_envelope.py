"""What the answers of each plane have around them."""

from __future__ import annotations

import httpx

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}


async def test_every_answer_of_the_worker_plane_says_what_the_server_can(
    client: httpx.AsyncClient,
) -> None:
    worker = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
    answers = [
        await client.post("/api/worker/register", json=worker, headers=WORKER),
        await client.post("/api/worker/workflow-tasks/poll", json=worker, headers=WORKER),
        await client.post("/api/worker/query-tasks/poll", json=worker, headers=WORKER),
        await client.post("/api/worker/heartbeat", json={"worker_id": "ghost"}, headers=WORKER),
        await client.post("/api/worker/heartbeat"),
        await client.get("/api/worker/heartbeat"),
        await client.post("/api/worker/nothing"),
    ]

    assert [answer.status_code for answer in answers] == [201, 200, 200, 404, 400, 405, 404]
    for answer in answers:
        assert answer.json()["protocol_version"] == "1.1"
        assert answer.json()["server_capabilities"]["query_tasks"] is True
        assert answer.headers["x-durable-workflow-protocol-version"] == "1.1"
    assert [answer.json()["task"] for answer in answers[1:3]] == [None, None]
    assert all(answer.json()["error"] == answer.json()["message"] for answer in answers[3:])


async def test_answers_of_workflow_routes_have_their_control_plane_object(
    client: httpx.AsyncClient,
) -> None:
    start = {"workflow_id": "w", "workflow_type": "t"}
    started = await client.post("/api/workflows", json=start, headers=CONTROL)
    missing = await client.get("/api/workflows/x/runs/y/history", headers=CONTROL)

    plane = started.json()["control_plane"]
    assert started.status_code == 201
    assert (plane["operation"], plane["workflow_id"]) == ("start", "w")
    assert plane["contract"]["success_fields"] == ["workflow_id", "outcome"]
    assert plane["run_id"] == started.json()["run_id"]
    assert missing.status_code == 404
    assert missing.json()["workflow_id"] == "x"
    assert missing.json()["control_plane"]["operation"] == "history"
    assert missing.json()["control_plane"]["run_id"] == "y"
    assert "control_plane" not in (await client.get("/api/cluster/info")).json().get("reason", {})
