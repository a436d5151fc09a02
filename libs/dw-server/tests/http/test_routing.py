from __future__ import annotations

import pytest

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


def test_routes_have_the_roles_and_the_version_rule_of_the_specification() -> None:
    control = {
        f"{route.method} {route.template}": (route.roles, route.versioned, route.namespaced)
        for route in ROUTES
        if route.plane == "control"
    }
    workers = [route for route in ROUTES if route.plane == "worker"]

    assert control.pop("GET /health") == ((), False, False)
    assert control.pop("GET /ready") == ((), False, False)
    assert control.pop("GET /cluster/info") == (("worker", "operator", "admin"), False, False)
    assert set(control.values()) == {(("operator", "admin"), True, True)}
    assert {route.roles for route in workers} == {("worker",)}
    assert {route.method for route in workers} == {"POST"}


def test_routes_below_workflows_and_no_others_have_an_operation() -> None:
    for route in ROUTES:
        assert (route.operation is not None) == route.template.startswith("/workflows")
