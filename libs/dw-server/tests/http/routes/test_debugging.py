"""The debug routes over ASGI: who may, what is asked, and how the answer is dressed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}


@pytest.fixture
def client(guarded: httpx.AsyncClient) -> httpx.AsyncClient:
    """An operator, of the right version."""
    guarded.headers.update({**CONTROL, "Authorization": "Bearer o"})
    return guarded


async def start(client: httpx.AsyncClient) -> str:
    body = {"workflow_id": "wf", "workflow_type": "flow", "task_queue": "q"}
    run_id: str = (await client.post("/api/workflows", json=body)).json()["run_id"]
    return run_id


@pytest.mark.parametrize("path", ["/api/workflows/wf/debug", "/api/workflows/wf/runs/{}/debug"])
async def test_a_run_is_shown_with_its_control_plane_object(
    client: httpx.AsyncClient, path: str
) -> None:
    run_id = await start(client)
    answer = await client.get(path.format(run_id))
    body: dict[str, Any] = answer.json()

    assert answer.status_code == 200
    assert (body["run_id"], body["diagnostic_status"]) == (run_id, "pending_work")
    control_plane = body["control_plane"]
    assert control_plane["operation"] == "debug_workflow"
    assert control_plane["contract"]["success_fields"] == ["run_id", "diagnostic_status"]
    assert control_plane["diagnostic_status"] == "pending_work"
    assert control_plane["task_queue"] == body["task_queue"]


@pytest.mark.parametrize(
    ("value", "shown"), [("true", True), ("1", True), ("false", False), ("0", False), ("", False)]
)
async def test_the_payload_of_the_last_event_is_shown_on_request(
    client: httpx.AsyncClient, value: str, shown: bool
) -> None:
    await start(client)
    answer = await client.get(f"/api/workflows/wf/debug?include_last_event_payload={value}")

    assert ("payload_preview" in answer.json()["execution"]["last_event"]) is shown


async def test_another_value_is_422(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/workflows/wf/debug?include_last_event_payload=maybe")

    assert (answer.status_code, answer.json()["reason"]) == (422, "validation_failed")
    assert list(answer.json()["errors"]) == ["include_last_event_payload"]
    assert answer.json()["control_plane"]["operation"] == "debug_workflow"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/api/workflows/wf/debug", "instance_not_found"),
        ("/api/workflows/wf/runs/none/debug", "run_not_found"),
    ],
)
async def test_what_is_not_there_is_404(client: httpx.AsyncClient, path: str, reason: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()["reason"]) == (404, reason)


@pytest.mark.parametrize(("token", "status"), [("w", 403), ("o", 200), ("a", 200), ("x", 401)])
async def test_operators_and_admins_may_look(
    client: httpx.AsyncClient, token: str, status: int
) -> None:
    await start(client)
    headers = {"Authorization": f"Bearer {token}"}
    answer = await client.get("/api/workflows/wf/debug", headers=headers)

    assert answer.status_code == status
