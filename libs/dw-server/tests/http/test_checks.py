"""The checks of a request in their order, and what they take for which caller."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from durable_workflow.server.http.checks import parse
from durable_workflow.server.refusals import Refused

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


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


async def test_a_body_may_be_left_out(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/workflows", headers=CONTROL)

    assert answer.json()["errors"] == {"workflow_type": ["The workflow_type field is required."]}


DEEP = b"[" * 200 + b"]" * 200
HIDDEN = b'["]",' * 200 + b"1" + b',"["]' * 200


@pytest.mark.parametrize(
    "deep", [DEEP, HIDDEN, b'["\\"",' + DEEP + b"]", DEEP + b"," + b"[]," * 900]
)
def test_what_is_nested_too_deeply_is_seen_whatever_stands_in_strings(deep: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse(b'{"x": [' + deep.removesuffix(b",") + b"]}")
    assert refused.value.extra["json_error"] == "The document is nested too deeply."


@pytest.mark.parametrize(
    "flat", [b"[]," * 5000, b"[[]]," * 5000, b'"[[[[",' * 5000, b'{"a":[1]},' * 900]
)
def test_what_is_long_is_not_deep(flat: bytes) -> None:
    assert parse(b'{"x": [' + flat + b"0]}")["x"][-1] == 0


@pytest.mark.parametrize(
    ("end", "status", "reason"),
    [
        (b"0]}", 422, "validation_failed"),
        (b"]}", 400, "malformed_json"),
        (b"0]", 400, "malformed_json"),
        (b"[" * 200 + b"]" * 200 + b"]}", 400, "malformed_json"),
    ],
)
async def test_a_body_that_is_decoded_in_slices_is_answered_as_others_are(
    client: httpx.AsyncClient, end: bytes, status: int, reason: str
) -> None:
    body = b'{"workflow_id": "w", "input": [' + b"[]," * 50_000 + end
    answer = await client.post(
        "/api/workflows", content=body, headers={**CONTROL, "Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    if status == 422:
        assert answer.json()["errors"].keys() == {"workflow_type"}


async def test_what_was_decoded_in_slices_is_kept_as_it_was_sent(client: httpx.AsyncClient) -> None:
    sent = [[number, {"a": [], "b": [number]}] for number in range(20_000)]
    await client.post(
        "/api/workflows",
        json={"workflow_type": "t", "task_queue": "q", "workflow_id": "w", "input": [sent]},
        headers=CONTROL,
    )
    answer = await client.get("/api/workflows/w", headers=CONTROL)

    assert answer.json()["input"] == [sent]
