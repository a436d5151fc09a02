"""Every route and every extension asks who calls before it says anything else."""

from __future__ import annotations

import csv
import re
from pathlib import Path

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


# Who may ask for what (control-plane 2.4); what is not named here is for operators and admins.
ADMIN_ONLY = {
    ("POST", "/namespaces"),
    ("PUT", "/namespaces/{namespace}"),
    ("DELETE", "/namespaces/{namespace}"),
    ("PUT", "/namespaces/{namespace}/external-storage"),
    ("POST", "/storage/test"),
    ("DELETE", "/workers/{worker_id}"),
}
ANY_ROLE = {"/cluster/info", "/openapi.json"}
SYSTEM = [route for route in ROUTES if route.template.startswith("/system/")]


def roles_of(route: Route) -> tuple[str, ...]:
    if route.template in ANY_ROLE:
        return ("worker", "operator", "admin")
    if route.template.startswith("/worker/"):
        return ("worker",)
    if route in SYSTEM or (route.method, route.template) in ADMIN_ONLY:
        return ("admin",)
    return ("operator", "admin")


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
def test_the_roles_of_a_route_are_those_that_are_published(
    operations: dict[str, Operation[object]], route: Route
) -> None:
    assert operations[route.operation].roles == roles_of(route)


def test_the_published_table_says_the_same(spec_data: Path) -> None:
    with (spec_data.parent / "control-plane-routes.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    ours = {(route.method, route.path): route for route in ROUTES}
    assert len(rows) > 60
    for row in rows:
        route = ours[row["method"], row["path"]]
        roles = () if row["role"] == "none" else tuple(row["role"].split(","))
        assert (roles_of(route) if route in GUARDED else ()) == roles, row
        assert route.versioned == (row["version-header-required"] == "yes"), row


@pytest.mark.parametrize("route", SYSTEM, ids=named)
async def test_everything_below_system_is_for_admins(
    guarded: httpx.AsyncClient, route: Route
) -> None:
    expected = {None: 401, "w": 403, "o": 403, "a": 200}
    for token, status in expected.items():
        login = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer = await guarded.request(
            route.method,
            path(route),
            headers=VERSIONS | login,
            json={} if route.method == "POST" else None,
        )
        assert answer.status_code == status, (token, answer.text)
        if status == 403:
            assert answer.json()["allowed_roles"] == ["admin"]


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
