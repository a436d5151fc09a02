"""Upkeep by operators: what passes are not asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration.contract.tables.rows import Bad, Route

_NOT_IDS: list[Any] = ["x", 5, {}, [5], [""], ["i" * 129], [None], ["i"] * 101]
_NOT_LIMIT: list[Any] = [0, -1, "abc", 1.5, [], True]

MAINTENANCE_ROUTES = [
    Route(
        "repair pass",
        "/api/system/repair/pass",
        {},
        {"run_ids": [*_NOT_IDS[:4], _NOT_IDS[-1]], "instance_id": [5, [], {}, "i" * 129]},
    ),
    Route(
        "activity timeout pass",
        "/api/system/activity-timeouts/pass",
        {},
        {"execution_ids": [*_NOT_IDS[:4], _NOT_IDS[-1]], "limit": _NOT_LIMIT},
    ),
    Route(
        "retention pass",
        "/api/system/retention/pass",
        {},
        {"run_ids": [*_NOT_IDS[:4], _NOT_IDS[-1]], "limit": _NOT_LIMIT},
    ),
]
_ROUTES = (
    ("GET", "/api/system/repair"),
    ("POST", "/api/system/repair/pass"),
    ("GET", "/api/system/activity-timeouts"),
    ("POST", "/api/system/activity-timeouts/pass"),
    ("GET", "/api/system/retention"),
    ("POST", "/api/system/retention/pass"),
    ("GET", "/api/system/metrics"),
    ("GET", "/api/system/operator-metrics"),
    ("GET", "/api/workflows/{workflow}/runs/{run}/history/export"),
)


def maintenance_rows() -> Iterator[Bad]:
    """Yield every row of this module."""
    for route in MAINTENANCE_ROUTES:
        yield from route.rows()
    for path in ("/api/system/activity-timeouts", "/api/system/retention"):
        for limit in ("0", "-1", "abc"):
            yield Bad(
                name=f"GET {path}: limit {limit}",
                method="GET",
                path=f"{path}?limit={limit}",
                status=422,
                reason="validation_failed",
                errors=("limit",),
            )
    for run in ("01x", "{closed_run}"):
        yield Bad(
            name=f"export of an unknown run: {run}",
            method="GET",
            path=f"/api/workflows/{{workflow}}/runs/{run}/history/export",
            status=404,
            reason="run_not_found",
        )
    for method, path in _ROUTES:
        yield Bad(
            name=f"{method} {path} without a version",
            method=method,
            path=path,
            headers={"X-Durable-Workflow-Control-Plane-Version": None},
            status=400,
            reason="missing_control_plane_version",
        )
        yield Bad(
            name=f"{method} {path} of an unknown namespace",
            method=method,
            path=path,
            headers={"X-Namespace": "nowhere"},
            status=404,
            reason="namespace_not_found",
        )
        yield Bad(
            name=f"{method} {path} without a login",
            method=method,
            path=path,
            headers={"Authorization": None},
            status=401,
            reason="unauthorized",
            guarded=True,
        )
