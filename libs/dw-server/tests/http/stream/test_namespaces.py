"""Streams of a namespace that is deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from durable_workflow.server.services import namespaces

Json = dict[str, Any]
VERSIONS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.1",
}
TENANT = VERSIONS | {"X-Namespace": "tenant"}
WORKER = {"worker_id": "w", "session": "s", "task_queue": "q"}
SLOTS = {"workflow": 10, "activity": 10, "query": 10}


@pytest.fixture
async def tenant(stage: Any, peers: Callable[..., Any]) -> Any:
    """A worker of a namespace of its own, registered and connected, that has said nothing yet."""
    made = await stage.http.post("/api/namespaces", json={"name": "tenant"}, headers=VERSIONS)
    assert made.status_code == 201, made.text
    body = {**WORKER, "runtime": "python", "capabilities": ["worker_stream", "held_tasks"]}
    answer = await stage.http.post("/api/worker/register", json=body, headers=TENANT)
    assert answer.status_code == 201, answer.text
    return peers(await stage.socket(additional_headers=TENANT))


async def greet(peer: Any) -> None:
    await peer.send({"type": "hello", **WORKER, "slots": SLOTS, "held": []})
    await peer.next("welcome")


async def test_a_namespace_that_is_deleted_ends_its_streams_and_no_others(
    stage: Any, tenant: Any
) -> None:
    await greet(tenant)
    other = await stage.peer()
    start = {"workflow_id": "wf", "workflow_type": "flow", "task_queue": "q"}
    await stage.http.post("/api/workflows", json=start, headers=TENANT)
    await tenant.task()
    gone = await stage.http.delete("/api/namespaces/tenant", headers=VERSIONS)
    assert gone.json()["deleted"]["workflow_runs"] == 1
    assert await tenant.ended() == 4404
    with pytest.raises(InvalidStatus) as refused:
        await stage.socket(additional_headers=TENANT)
    assert refused.value.response.status_code == 404
    await stage.start()
    await other.acknowledged(await other.complete(await other.task()))


async def test_a_stream_that_begins_while_its_namespace_is_being_deleted_is_ended(
    stage: Any, tenant: Any
) -> None:
    await namespaces.begin_deletion(stage.server.store, "tenant", default="default")
    await greet(tenant)
    assert await tenant.ended() == 4404
