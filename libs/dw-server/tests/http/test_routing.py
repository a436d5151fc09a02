from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.api import Operation
from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.http.routing import Routes


@pytest.fixture
def routes() -> Routes:
    return Routes(ROUTES)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (b"/api/health", {}),
        (b"/api/workflows/w", {"workflow_id": "w"}),
        (b"/api/workflows/a%2Fruns", {"workflow_id": "a/runs"}),
        (b"/api/workflows/runs/runs", {"workflow_id": "runs"}),
        (b"/api/workflows/%C3%BC%20b", {"workflow_id": "ü b"}),
        (b"/api/workflows/w/runs/r/history", {"workflow_id": "w", "run_id": "r"}),
        (b"/api/worker/workflow-tasks/poll", {}),
        (b"/api/worker/workflow-tasks/%70oll", {}),
        (b"/api/worker/workflow-tasks/poll/complete", {"task_id": "poll"}),
    ],
)
def test_a_path_is_split_before_it_is_decoded(
    routes: Routes, path: bytes, names: dict[str, str]
) -> None:
    found = routes.find(path)

    assert found is not None
    assert found.names == names


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/",
        b"/api",
        b"/api/",
        b"/api/workflows/",
        b"/api/workflows//runs",
        b"/api/workflows/w/nothing",
        b"/api/Workflows",
        b"/api%2Fworkflows",
        b"/api/workflows/%ff",
        b"workflows",
        b"/x/api/workflows",
    ],
)
def test_other_paths_lead_nowhere(routes: Routes, path: bytes) -> None:
    assert routes.find(path) is None


FOR_ADMINS = {
    "POST /namespaces",
    "PUT /namespaces/{namespace}",
    "DELETE /namespaces/{namespace}",
    "PUT /namespaces/{namespace}/external-storage",
    "POST /storage/test",
    "DELETE /workers/{worker_id}",
    "GET /system/repair",
    "POST /system/repair/pass",
    "GET /system/activity-timeouts",
    "POST /system/activity-timeouts/pass",
    "GET /system/retention",
    "POST /system/retention/pass",
    "GET /system/metrics",
    "GET /system/operator-metrics",
}


def test_routes_have_the_roles_and_the_version_rule_of_the_specification(
    operations: dict[str, Operation[Any]],
) -> None:
    wanted = {
        f"{route.method} {route.template}": (
            operations[route.operation].roles,
            route.versioned,
            operations[route.operation].namespaced,
        )
        for route in ROUTES
    }
    workers = {f"{route.method} {route.template}" for route in ROUTES if route.plane == "worker"}

    assert wanted.pop("GET /health") == ((), False, False)
    assert wanted.pop("GET /ready") == ((), False, False)
    assert wanted.pop("GET /metrics") == (("operator", "admin"), False, False)
    assert wanted.pop("GET /cluster/info") == (("worker", "operator", "admin"), False, False)
    anybody = ("worker", "operator", "admin")
    assert wanted.pop("GET /openapi.json") == (anybody, False, False)
    assert {wanted.pop(route) for route in workers} == {(("worker",), True, True)}
    for route, (roles, versioned, namespaced) in wanted.items():
        assert roles == (("admin",) if route in FOR_ADMINS else ("operator", "admin")), route
        # The routes of namespaces name theirs in the path, or none.
        assert (versioned, namespaced) == (True, " /namespaces" not in route), route
    assert [route for route in workers if not route.startswith("POST /worker/")] == [
        "GET /worker/stream"
    ]


def test_each_operation_has_a_route(operations: dict[str, Operation[Any]]) -> None:
    assert {route.operation for route in ROUTES} == operations.keys()


def test_routes_below_workflows_and_no_others_show_their_operation() -> None:
    for route in ROUTES:
        assert (route.shown_operation is not None) == route.template.startswith("/workflows")
