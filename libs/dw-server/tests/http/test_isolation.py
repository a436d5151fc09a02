"""Every route and every extension asks who calls before it says anything else."""

from __future__ import annotations

import re

import httpx
import pytest

from durable_workflow.server.api import Operation
from durable_workflow.server.capabilities import EXTENSIONS
from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.http.routing import Route

VERSIONS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.1",
}
TOKENS = {"worker": "w", "operator": "o", "admin": "a"}
OPEN = {"/health", "/ready"}
GUARDED = [route for route in ROUTES if route.template not in OPEN]
# The route that each extension is asked for on, and what asks for it. Those without a route of
# their own are members of documents whose routes are walked anyway.
BY_EXTENSION: dict[str, tuple[str, str, dict[str, str]]] = {
    "deregister": ("POST", "/worker/deregister", {}),
    "held_tasks": ("POST", "/worker/heartbeat", {}),
    "idempotency_key": ("POST", "/workflows", {"Idempotency-Key": "k"}),
    "passed_signals": ("POST", "/worker/workflow-tasks/t/complete", {}),
    "prefer_wait": ("GET", "/workflows/wf", {"Prefer": "wait=1"}),
    "sticky_history": ("POST", "/worker/workflow-tasks/t/complete", {}),
    "update_validation": ("POST", "/worker/query-tasks/t/complete", {}),
    "worker_stream": ("GET", "/worker/stream", {}),
}


def path(route: Route) -> str:
    return re.sub(r"\{\w+\}", "x", route.path)


async def ask(
    http: httpx.AsyncClient, method: str, where: str, token: str | None, **headers: str
) -> httpx.Response:
    login = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await http.request(method, where, headers=VERSIONS | login | headers)


def named(route: Route) -> str:
    return f"{route.method} {route.template}"


@pytest.mark.parametrize("route", GUARDED, ids=named)
@pytest.mark.parametrize("token", [None, "", "x", "wo", "W"])
async def test_a_wrong_token_is_told_nothing(
    guarded: httpx.AsyncClient, route: Route, token: str | None
) -> None:
    # The namespace does not exist either, which is not said.
    answer = await ask(guarded, route.method, path(route), token, **{"X-Namespace": "nowhere"})
    assert (answer.status_code, answer.json()["reason"]) == (401, "unauthorized")
    assert "nowhere" not in answer.text


@pytest.mark.parametrize("route", GUARDED, ids=named)
async def test_a_role_that_may_not_is_told_which_may(
    guarded: httpx.AsyncClient, operations: dict[str, Operation[object]], route: Route
) -> None:
    allowed = operations[route.operation].roles
    for role, token in TOKENS.items():
        answer = await ask(guarded, route.method, path(route), token, **{"X-Namespace": "nowhere"})
        if role in allowed:
            assert answer.status_code not in (401, 403), (role, answer.text)
            continue
        body = answer.json()
        assert (answer.status_code, body["reason"]) == (403, "forbidden"), role
        assert (body["role"], body["allowed_roles"]) == (role, [*allowed])
        assert "nowhere" not in answer.text


@pytest.mark.parametrize("route", GUARDED, ids=named)
async def test_a_namespace_that_does_not_exist_is_named_to_who_may_ask(
    guarded: httpx.AsyncClient, operations: dict[str, Operation[object]], route: Route
) -> None:
    operation = operations[route.operation]
    if not operation.namespaced:
        return
    token = TOKENS[operation.roles[0]]
    answer = await ask(guarded, route.method, path(route), token, **{"X-Namespace": "Nowhere"})
    body = answer.json()
    assert (answer.status_code, body["reason"]) == (404, "namespace_not_found")
    assert body["namespace"] == "nowhere"


def test_every_extension_is_walked() -> None:
    assert EXTENSIONS.keys() <= BY_EXTENSION.keys()


@pytest.mark.parametrize("extension", BY_EXTENSION)
async def test_an_extension_is_no_way_around_the_login(
    guarded: httpx.AsyncClient, extension: str
) -> None:
    method, where, headers = BY_EXTENSION[extension]
    other = "a" if "/worker/" in where else "w"
    stranger = await ask(guarded, method, f"/api{where}", "x", **headers)
    wrong_role = await ask(guarded, method, f"/api{where}", other, **headers)
    assert (stranger.status_code, wrong_role.status_code) == (401, 403)
