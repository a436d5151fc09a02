"""Bodies that nobody should send, on every route."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable_workflow.server.http.routes import ROUTES

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}
# `connected` of conftest.py: a client of an application, in memory.
Connected: TypeAlias = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


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
def test_any_object_on_any_route_is_answered(
    connected: Connected, route: Any, body: dict[str, Any]
) -> None:
    async def send() -> httpx.Response:
        async with connected() as client:
            return await client.post(
                "/api" + route.template.replace("{task_id}", "t"),
                content=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
                headers={**CONTROL, **WORKER, "Content-Type": "application/json"},
            )

    answer = asyncio.run(send())
    assert answer.status_code < 500, answer.text
