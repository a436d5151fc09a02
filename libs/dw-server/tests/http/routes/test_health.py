"""The probes, and what becomes of everything when the store is gone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import httpx

from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import Settings

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
AT_ONCE = Settings(db=":memory:", long_poll_timeout=0)
# `connected` of conftest.py: a client of an application, in memory.
Connected: TypeAlias = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


async def test_health_and_readiness_need_nothing(guarded: httpx.AsyncClient) -> None:
    health, ready = await guarded.get("/api/health"), await guarded.get("/api/ready")

    assert health.json()["status"] == "serving"
    assert health.json()["checks"] == {"database": "ok"}
    assert health.json()["timestamp"].endswith("+00:00")
    assert {name: check["status"] for name, check in ready.json()["checks"].items()} == {
        "database": "ok",
        "migrations": "ok",
        "default_namespace": "ok",
        "cache": "ok",
        "auth": "ok",
    }


async def test_a_server_whose_store_is_gone_says_so(connected: Connected) -> None:
    server = Server(AT_ONCE)
    async with connected(server=server) as client:
        await server.store.close()
        health, ready = await client.get("/api/health"), await client.get("/api/ready")
        described = await client.get("/api/workflows/w", headers=CONTROL)

    assert (health.status_code, health.json()["status"]) == (503, "degraded")
    assert (ready.status_code, ready.json()["status"]) == (503, "not_ready")
    assert (described.status_code, described.json()["reason"]) == (503, "store_unavailable")
    assert described.headers["retry-after"] == "1"
