"""What any route may answer: faults, a busy server, compression, odd paths and verbs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import httpx
import msgspec
import pytest

from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import Settings
from durable_workflow.server.store import OutcomeUnknown, StoreOverloaded, StoreUnavailable

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}
AT_ONCE = Settings(db=":memory:", long_poll_timeout=0)
# `connected` of conftest.py: a client of an application, in memory.
Connected: TypeAlias = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.mark.parametrize("path", ["/api/a%0Ab", "/api/workflows/a%0Ab/nothing", "/%0A"])
async def test_a_line_break_in_a_path_is_answered_as_any_path(
    client: httpx.AsyncClient, path: str
) -> None:
    unknown = await client.get(path)
    named = await client.post("/api/workflows/a%0Ab/signal/go", headers=CONTROL)

    assert (unknown.status_code, unknown.json()["reason"]) == (404, "not_found")
    assert (named.status_code, named.json()["reason"]) == (404, "instance_not_found")
    assert named.json()["workflow_id"] == "a\nb"


async def test_an_error_of_our_own_is_logged_with_its_cause_and_nothing_secret(
    connected: Connected, guarded_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(guarded_settings)
    async with connected(server=server) as client:

        async def broken(work: object) -> None:
            raise KeyError("there is no statement 'worker'")

        server.store.run = broken  # type: ignore[method-assign,assignment]  # a fault
        with caplog.at_level(logging.DEBUG):
            answer = await client.post(
                "/api/worker/heartbeat",
                json={"worker_id": "w", "process_metrics": {"password": "hush"}},
                headers={**WORKER, "Authorization": "Bearer w"},
            )

    assert (answer.status_code, answer.json()["reason"]) == (500, "server_error")
    assert answer.json()["protocol_version"] == "1.1"
    assert "statement" not in answer.text
    assert "there is no statement 'worker'" in caplog.text
    assert "/worker/heartbeat failed" in caplog.text
    assert "Bearer" not in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.parametrize(
    ("error", "reason"),
    [(StoreOverloaded("full"), "server_busy"), (StoreUnavailable("disk"), "store_unavailable")],
)
async def test_a_store_that_cannot_now_is_503_with_a_time(
    connected: Connected, error: Exception, reason: str
) -> None:
    server = Server(AT_ONCE)
    async with connected(server=server) as client:

        async def unable(work: object) -> None:
            raise error

        server.store.run = unable  # type: ignore[method-assign,assignment]  # a fault
        answer = await client.post("/api/worker/heartbeat", json={"worker_id": "w"}, headers=WORKER)

    assert (answer.status_code, answer.json()["reason"]) == (503, reason)
    assert answer.headers["retry-after"] == "1"


async def test_a_commit_whose_answer_was_lost_is_504_and_is_not_to_be_repeated(
    connected: Connected,
) -> None:
    server = Server(AT_ONCE)
    async with connected(server=server) as client:

        async def lost(work: object) -> None:
            raise OutcomeUnknown("the connection broke")

        server.store.run = lost  # type: ignore[method-assign,assignment]  # a fault
        answer = await client.post("/api/worker/heartbeat", json={"worker_id": "w"}, headers=WORKER)

    assert (answer.status_code, answer.json()["reason"]) == (504, "outcome_unknown")
    assert "retry-after" not in answer.headers


async def test_more_polls_than_may_be_held_are_429(connected: Connected) -> None:
    one = msgspec.structs.replace(AT_ONCE, long_poll_timeout=30, max_waiting_polls=1)
    server = Server(one)
    async with connected(server=server) as client:
        worker = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
        await client.post("/api/worker/register", json=worker, headers=WORKER)
        path = "/api/worker/workflow-tasks/poll"
        polls = [
            asyncio.create_task(client.post(path, json=worker, headers=WORKER)) for _ in range(2)
        ]
        async with asyncio.timeout(5):
            done, _ = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
        refused = done.pop().result()
        assert (refused.status_code, refused.json()["reason"]) == (429, "too_many_polls")
        assert refused.headers["retry-after"] == "1"

        server.hold_no_more()
        answers = await asyncio.gather(*polls)
    assert sorted(answer.status_code for answer in answers) == [200, 429]


@pytest.mark.parametrize("kind", ["workflow", "activity"])
async def test_so_are_descriptions_and_a_start_is_answered_at_once(
    connected: Connected, kind: str
) -> None:
    server = Server(msgspec.structs.replace(AT_ONCE, long_poll_timeout=30, max_waiting_polls=1))
    plural = {"workflow": "workflows", "activity": "activities"}[kind]
    body = {f"{kind}_type": "t", f"{kind}_id": "one", "task_queue": "q"}
    held = {**CONTROL, "Prefer": "wait=30"}
    async with connected(server=server) as client:
        assert (await client.post(f"/api/{plural}", json=body, headers=CONTROL)).status_code == 201
        asked = [
            asyncio.create_task(client.get(f"/api/{plural}/one", headers=held)) for _ in range(2)
        ]
        async with asyncio.timeout(5):
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        refused = done.pop().result()
        assert (refused.status_code, refused.json()["reason"]) == (429, "too_many_polls")
        another = {"workflow_type": "t", "task_queue": "q"}
        started = await client.post("/api/workflows", json=another, headers=held)
        assert started.status_code == 201
        assert "preference-applied" not in started.headers

        server.hold_no_more()
        answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200, 429]


@pytest.mark.parametrize(
    ("host", "encoding"), [("10.1.2.3", "gzip"), ("127.0.0.1", None), ("::1", None)]
)
async def test_answers_are_compressed_for_callers_on_other_machines(
    connected: Connected, host: str, encoding: str | None
) -> None:
    async with connected(host=host) as client:
        worker = {"worker_id": "w", "task_queue": "default", "runtime": "python"}
        start = {"workflow_id": "w", "workflow_type": "t", "input": ["x" * 2000]}
        registered = await client.post("/api/worker/register", json=worker, headers=WORKER)
        await client.post("/api/workflows", json=start, headers=CONTROL)
        poll = await client.post("/api/worker/workflow-tasks/poll", json=worker, headers=WORKER)
        described = await client.get("/api/workflows/w", headers=CONTROL)

    assert poll.json()["task"]["workflow_id"] == "w"
    assert poll.headers.get("content-encoding") == encoding
    assert described.headers.get("content-encoding") == encoding
    # What every answer has in common makes none of them large.
    assert "content-encoding" not in registered.headers


@pytest.mark.parametrize("path", ["/api/health", "/api/cluster/info"])
async def test_head_is_answered_like_get_without_a_body(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.head(path)

    assert answer.status_code == 200
    assert answer.content == b""
