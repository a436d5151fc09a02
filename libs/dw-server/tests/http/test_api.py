"""The checks in their order, the dressing of answers, and every body of junk, over ASGI."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable_workflow.server.app import create_app
from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import AuthSettings, Settings
from durable_workflow.server.store import StoreOverloaded, StoreUnavailable

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}
AT_ONCE = Settings(db=":memory:", long_poll_timeout=0)
GUARDED = msgspec.structs.replace(
    AT_ONCE, auth=AuthSettings(worker_token="w", operator_token="o", admin_token="a")
)


@asynccontextmanager
async def connected(
    settings: Settings = AT_ONCE, server: Server | None = None
) -> AsyncGenerator[httpx.AsyncClient, None]:
    server = server or Server(settings)
    await server.start()
    transport = httpx.ASGITransport(create_app(server))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await server.stop()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with connected() as client:
        yield client


@pytest.fixture
async def guarded() -> AsyncIterator[httpx.AsyncClient]:
    async with connected(GUARDED) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


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


async def test_a_server_whose_store_is_gone_says_so() -> None:
    server = Server(AT_ONCE)
    async with connected(server=server) as client:
        await server.store.close()
        health, ready = await client.get("/api/health"), await client.get("/api/ready")
        described = await client.get("/api/workflows/w", headers=CONTROL)

    assert (health.status_code, health.json()["status"]) == (503, "degraded")
    assert (ready.status_code, ready.json()["status"]) == (503, "not_ready")
    assert (described.status_code, described.json()["reason"]) == (503, "store_unavailable")
    assert described.headers["retry-after"] == "1"


# Each row passes all stages before the one that refuses it, and fails all after it too.
STAGES: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/api/nothing", {"content": b"{", "headers": {}}, 404, "not_found"),
    ("PUT", "/api/workflows", {"content": b"{", "headers": {}}, 405, "method_not_allowed"),
    (
        "POST",
        "/api/workflows",
        {"content": b"{" + b" " * 2_097_152, "headers": {}},
        413,
        "payload_too_large",
    ),
    (
        "POST",
        "/api/workflows",
        {"content": b"{", "headers": {"Content-Type": "text/plain"}},
        415,
        "unsupported_media_type",
    ),
    (
        "POST",
        "/api/workflows",
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        400,
        "malformed_json",
    ),
    ("POST", "/api/workflows", {"json": {}, "headers": {}}, 401, "unauthorized"),
    ("POST", "/api/workflows", {"json": {}, "headers": bearer("w")}, 403, "forbidden"),
    (
        "POST",
        "/api/workflows",
        {"json": {}, "headers": bearer("o")},
        400,
        "missing_control_plane_version",
    ),
    (
        "POST",
        "/api/workflows",
        {"json": {}, "headers": {**bearer("o"), **CONTROL, "X-Namespace": "nope"}},
        404,
        "namespace_not_found",
    ),
    (
        "POST",
        "/api/workflows",
        {"json": {}, "headers": {**bearer("o"), **CONTROL}},
        422,
        "validation_failed",
    ),
    ("POST", "/api/workflows", {"json": [], "headers": {}}, 401, "unauthorized"),
    ("POST", "/api/workflows", {"json": 5, "headers": bearer("w")}, 403, "forbidden"),
    (
        "POST",
        "/api/workflows",
        {"json": "x", "headers": {**bearer("o"), **CONTROL, "X-Namespace": "nope"}},
        404,
        "namespace_not_found",
    ),
    (
        "POST",
        "/api/workflows",
        {"json": [], "headers": {**bearer("o"), **CONTROL}},
        422,
        "validation_failed",
    ),
    ("POST", "/api/worker/register", {"json": {}, "headers": bearer("o")}, 403, "forbidden"),
    (
        "POST",
        "/api/worker/register",
        {"json": {}, "headers": bearer("w")},
        400,
        "missing_protocol_version",
    ),
    (
        "POST",
        "/api/worker/register",
        {"json": {}, "headers": {**bearer("w"), **WORKER}},
        422,
        "validation_failed",
    ),
]


@pytest.mark.parametrize(("method", "path", "request_", "status", "reason"), STAGES)
async def test_the_first_stage_that_fails_answers(
    guarded: httpx.AsyncClient,
    method: str,
    path: str,
    request_: dict[str, Any],
    status: int,
    reason: str,
) -> None:
    answer = await guarded.request(method, path, **request_)

    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert isinstance(answer.json()["message"], str)


@pytest.mark.parametrize("version", ["1.0", "1.1", " 1.1 "])
async def test_both_versions_of_the_worker_protocol_are_spoken(
    client: httpx.AsyncClient, version: str
) -> None:
    answer = await client.post(
        "/api/worker/heartbeat",
        json={"worker_id": "ghost"},
        headers={"X-Durable-Workflow-Protocol-Version": version},
    )

    assert answer.json()["reason"] == "worker_not_registered"
    assert answer.headers["x-durable-workflow-protocol-version"] == "1.1"


@pytest.mark.parametrize("version", ["1.2", "2.0", "0.9", "1", "1.x", "1.1.0"])
async def test_other_versions_of_the_worker_protocol_are_not(
    client: httpx.AsyncClient, version: str
) -> None:
    answer = await client.post(
        "/api/worker/heartbeat", headers={"X-Durable-Workflow-Protocol-Version": version}
    )

    assert answer.json()["reason"] == "unsupported_protocol_version"
    assert answer.json()["requested_version"] == version


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


async def test_the_namespace_comes_from_header_query_or_default(
    client: httpx.AsyncClient,
) -> None:
    for path, headers in [
        ("/api/workflows", {"X-Namespace": " DEFAULT "}),
        ("/api/workflows", {"X-Namespace": ""}),
        ("/api/workflows?namespace=Default", {}),
        ("/api/workflows?namespace=nope", {"X-Namespace": "default"}),
    ]:
        answer = await client.get(path, headers={**CONTROL, **headers})
        assert answer.status_code == 200

    answer = await client.get("/api/workflows?namespace=No+Such", headers=CONTROL)
    assert answer.json()["namespace"] == "no such"


async def test_the_fleet_is_that_of_the_namespace_asked_for(client: httpx.AsyncClient) -> None:
    for path, headers, name in [
        ("/api/cluster/info", {}, "default"),
        ("/api/cluster/info", {"X-Namespace": "Other"}, "other"),
        ("/api/cluster/info?namespace=Other", {}, "other"),
        ("/api/cluster/info?namespace=third", {"X-Namespace": "Other"}, "other"),
    ]:
        answer = await client.get(path, headers=headers)
        assert answer.json()["worker_fleet"]["namespace"] == name


@pytest.mark.parametrize("path", ["/api/a%0Ab", "/api/workflows/a%0Ab/nothing", "/%0A"])
async def test_a_line_break_in_a_path_is_answered_as_any_path(
    client: httpx.AsyncClient, path: str
) -> None:
    unknown = await client.get(path)
    named = await client.post("/api/workflows/a%0Ab/signal/go", headers=CONTROL)

    assert (unknown.status_code, unknown.json()["reason"]) == (404, "not_found")
    assert (named.status_code, named.json()["reason"]) == (404, "instance_not_found")
    assert named.json()["workflow_id"] == "a\nb"


async def test_history_is_held_until_there_is_another_event() -> None:
    settings = msgspec.structs.replace(AT_ONCE, long_poll_timeout=30)
    async with connected(settings) as client:
        start = {"workflow_id": "w", "workflow_type": "t"}
        started = (await client.post("/api/workflows", json=start, headers=CONTROL)).json()
        path = f"/api/workflows/w/runs/{started['run_id']}/history?wait_new_event=1"

        whole = await client.get(path, headers=CONTROL)
        held = asyncio.create_task(client.get(f"{path}&next_page_token=Mg==", headers=CONTROL))
        await asyncio.wait({held}, timeout=0.2)
        waited = not held.done()
        await client.post("/api/workflows/w/signal/go", headers=CONTROL)
        async with asyncio.timeout(5):
            answer = await held

    assert [event["sequence"] for event in whole.json()["events"]] == [1, 2]
    assert waited
    assert [event["sequence"] for event in answer.json()["events"]] == [3]


async def test_history_without_another_event_is_empty_when_time_is_up() -> None:
    settings = msgspec.structs.replace(AT_ONCE, long_poll_timeout=0.05)
    async with connected(settings) as client:
        start = {"workflow_id": "w", "workflow_type": "t"}
        started = (await client.post("/api/workflows", json=start, headers=CONTROL)).json()
        path = f"/api/workflows/w/runs/{started['run_id']}/history"
        answer = await client.get(
            f"{path}?wait_new_event=true&next_page_token=Mg==", headers=CONTROL
        )

    assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert answer.json()["next_page_token"] is None


async def test_a_body_may_be_left_out(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/workflows", headers=CONTROL)

    assert answer.json()["errors"] == {"workflow_type": ["The workflow_type field is required."]}


async def test_a_query_may_follow_prefer_wait_until_the_run_closes() -> None:
    server = Server(AT_ONCE)
    async with connected(server=server) as client:
        worker = {"worker_id": "w", "task_queue": "default", "runtime": "python"}
        start = {"workflow_id": "w", "workflow_type": "t"}
        await client.post("/api/worker/register", json=worker, headers=WORKER)
        await client.post("/api/workflows", json=start, headers=CONTROL)
        described = await client.get("/api/workflows/w", headers={**CONTROL, "Prefer": "wait=0"})
        assert described.json()["is_terminal"] is False
        assert described.headers["preference-applied"] == "wait=0"

        headers = {**CONTROL, "Prefer": "respond-async, wait=9999"}
        held = asyncio.create_task(client.get("/api/workflows/w", headers=headers))
        answer = await client.post("/api/worker/workflow-tasks/poll", json=worker, headers=WORKER)
        task = answer.json()["task"]
        completion = {
            "lease_owner": "w",
            "workflow_task_attempt": 1,
            "commands": [{"type": "complete_workflow"}],
        }
        path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
        completed = await client.post(path, json=completion, headers=WORKER)
        assert completed.status_code == 200

        async with asyncio.timeout(5):
            answer = await held
        assert answer.json()["status"] == "completed"
        assert answer.headers["preference-applied"] == "wait=60"


async def test_preferences_may_stand_in_several_lines(client: httpx.AsyncClient) -> None:
    start = {"workflow_id": "w", "workflow_type": "t"}
    await client.post("/api/workflows", json=start, headers=CONTROL)
    lines = [*CONTROL.items(), ("Prefer", "wait=0"), ("Prefer", "return=minimal")]
    described = await client.get("/api/workflows/w", headers=lines)

    assert described.headers["preference-applied"] == "wait=0"


async def test_an_error_of_our_own_is_logged_with_its_cause_and_nothing_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(GUARDED)
    async with connected(server=server) as client:

        async def broken(work: object) -> None:
            raise KeyError("there is no statement 'worker'")

        server.store.run = broken  # type: ignore[method-assign,assignment]  # a fault
        with caplog.at_level(logging.DEBUG):
            answer = await client.post(
                "/api/worker/heartbeat",
                json={"worker_id": "w", "process_metrics": {"password": "hush"}},
                headers={**WORKER, **bearer("w")},
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
async def test_a_store_that_cannot_now_is_503_with_a_time(error: Exception, reason: str) -> None:
    server = Server(AT_ONCE)
    async with connected(server=server) as client:

        async def unable(work: object) -> None:
            raise error

        server.store.run = unable  # type: ignore[method-assign,assignment]  # a fault
        answer = await client.post("/api/worker/heartbeat", json={"worker_id": "w"}, headers=WORKER)

    assert (answer.status_code, answer.json()["reason"]) == (503, reason)
    assert answer.headers["retry-after"] == "1"


async def test_more_polls_than_may_be_held_are_429() -> None:
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


async def test_cluster_info_counts_live_workers(client: httpx.AsyncClient) -> None:
    worker = {"worker_id": "w", "task_queue": "q", "runtime": "python", "build_id": "b"}
    await client.post("/api/worker/register", json=worker, headers=WORKER)
    fleet = (await client.get("/api/cluster/info")).json()["worker_fleet"]

    assert fleet["active_workers"] == fleet["active_worker_scopes"] == 1
    assert (fleet["queues"], fleet["build_ids"]) == (["q"], ["b"])
    assert fleet["workers"][0]["worker_id"] == "w"


@pytest.mark.parametrize(
    ("host", "encoding"), [("10.1.2.3", "gzip"), ("127.0.0.1", None), ("::1", None)]
)
async def test_tasks_are_compressed_for_workers_on_other_machines(
    host: str, encoding: str | None
) -> None:
    server = Server(AT_ONCE)
    await server.start()
    transport = httpx.ASGITransport(create_app(server), client=(host, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        worker = {"worker_id": "w", "task_queue": "default", "runtime": "python"}
        start = {"workflow_id": "w", "workflow_type": "t", "input": ["x" * 2000]}
        registered = await client.post("/api/worker/register", json=worker, headers=WORKER)
        await client.post("/api/workflows", json=start, headers=CONTROL)
        poll = await client.post("/api/worker/workflow-tasks/poll", json=worker, headers=WORKER)
    await server.stop()

    assert poll.json()["task"]["workflow_id"] == "w"
    assert poll.headers.get("content-encoding") == encoding
    # What every answer has in common makes none of them large.
    assert "content-encoding" not in registered.headers


@pytest.mark.parametrize("path", ["/api/health", "/api/cluster/info"])
async def test_head_is_answered_like_get_without_a_body(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.head(path)

    assert answer.status_code == 200
    assert answer.content == b""


# What no route may answer with a 5xx, whatever it makes of it.
JUNK = [
    b"[]",
    b"null",
    b"5",
    b'"text"',
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b'{"a": Infinity}',
    b'{"a": "\\ud800"}',
    b'{"a": "\xff"}',
    b'{"worker_id": "a", "worker_id": "b"}',
    b'{"memo": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
    b'{"memo": ' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}",
    b"[" * 100_000,
    b"\xef\xbb\xbf{}",
    b"{}{}",
    b"{} x",
    b"\x00",
    b'{"a": 1',
    b'{"workflow_task_attempt": 123456789012345678901234567890}',
    b'{"workflow_type": "t", "priority": 1e3, "memo": {"n": 1e308, "i": 12345678901234567890}}',
    b'{"a": ' + b"9" * 5_000 + b"}",
]
POSTS = [route for route in ROUTES if route.method == "POST"]


@pytest.mark.parametrize("content", JUNK, ids=range(len(JUNK)))
async def test_junk_is_refused_on_every_route(client: httpx.AsyncClient, content: bytes) -> None:
    for route in POSTS:
        answer = await client.post(
            "/api" + route.template.replace("{task_id}", "t"),
            content=content,
            headers={**CONTROL, **WORKER, "Content-Type": "application/json"},
        )
        assert 200 <= answer.status_code < 500, (route.template, answer.text)
        if answer.status_code >= 400:
            assert isinstance(answer.json()["reason"], str)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.sampled_from([2**63, -(2**63) - 1, 10**30, "", " ", "\0", "default", "9" * 25]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "worker_id",
        "task_queue",
        "runtime",
        "workflow_type",
        "workflow_id",
        "input",
        "memo",
        "search_attributes",
        "commands",
        "lease_owner",
        "workflow_task_attempt",
        "activity_attempt_id",
        "result",
        "failure",
        "details",
        "current",
        "unit",
        "task_slots",
        "process_metrics",
        "capabilities",
        "workflow_definition_fingerprints",
        "priority",
        "execution_timeout_seconds",
        "history_page_size",
        "next_history_page_token",
        "poll_request_id",
        "supported_workflow_types",
        "heartbeat_interval_seconds",
    ]
)


@settings(max_examples=150, deadline=None)
@given(route=st.sampled_from(POSTS), body=st.dictionaries(NAMES, VALUES, max_size=8))
def test_any_object_on_any_route_is_answered(route: Any, body: dict[str, Any]) -> None:
    async def send() -> httpx.Response:
        async with connected() as client:
            return await client.post(
                "/api" + route.template.replace("{task_id}", "t"),
                content=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
                headers={**CONTROL, **WORKER, "Content-Type": "application/json"},
            )

    answer = asyncio.run(send())
    assert answer.status_code < 500, answer.text
