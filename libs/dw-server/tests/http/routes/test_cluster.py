"""The fleet of workers in cluster info."""

from __future__ import annotations

import httpx

WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}


async def test_the_fleet_is_that_of_the_namespace_asked_for(client: httpx.AsyncClient) -> None:
    for path, headers, name in [
        ("/api/cluster/info", {}, "default"),
        ("/api/cluster/info", {"X-Namespace": "Other"}, "other"),
        ("/api/cluster/info?namespace=Other", {}, "other"),
        ("/api/cluster/info?namespace=third", {"X-Namespace": "Other"}, "other"),
    ]:
        answer = await client.get(path, headers=headers)
        assert answer.json()["worker_fleet"]["namespace"] == name


async def test_cluster_info_counts_live_workers(client: httpx.AsyncClient) -> None:
    worker = {"worker_id": "w", "task_queue": "q", "runtime": "python", "build_id": "b"}
    await client.post("/api/worker/register", json=worker, headers=WORKER)
    fleet = (await client.get("/api/cluster/info")).json()["worker_fleet"]

    assert fleet["active_workers"] == fleet["active_worker_scopes"] == 1
    assert (fleet["queues"], fleet["build_ids"]) == (["q"], ["b"])
    assert fleet["workers"][0]["worker_id"] == "w"
