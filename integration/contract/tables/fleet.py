"""What is wrong with requests about workers, task queues and builds (10, 11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration.contract.tables.rows import ABSENT, Bad, Route

NOT_TEXT: list[Any] = [5, True, ["x"], {"a": 1}]
BUILD_ROUTES = [
    Route(
        f"{verb} a build",
        f"/api/task-queues/{{queue}}/build-ids/{verb}",
        {"build_id": "b9"},
        {"build_id": [ABSENT, "x" * 256, "a\0b", *NOT_TEXT]},
    )
    for verb in ("drain", "promote", "resume")
]


def fleet_rows() -> Iterator[Bad]:
    """Yield every row of this module."""
    for route in BUILD_ROUTES:
        yield from route.rows()
    for verb in ("drain", "promote", "resume"):
        for name, shown in (("x" * 256, "256 characters"), ("a%00b", "a null character")):
            yield Bad(
                name=f"{verb} a build of a queue with {shown}",
                path=f"/api/task-queues/{name}/build-ids/{verb}",
                body={"build_id": "b9"},
                status=422,
                reason="validation_failed",
                errors=("task_queue",),
            )
    for method in ("GET", "DELETE"):
        yield Bad(
            name=f"{method} a worker that nobody registered",
            method=method,
            path="/api/workers/nobody",
            status=404,
            reason="worker_not_found",
            has={"worker_id": "nobody"},
        )
    for query in ("status=gone", "status=ACTIVE", "task_queue=" + "x" * 256):
        yield Bad(
            name=f"workers with {query[:30]}",
            method="GET",
            path=f"/api/workers?{query}",
            status=422,
            reason="validation_failed",
            errors=(query.partition("=")[0],),
        )
