"""What is done to running workflows: signals, queries, updates, cancel, terminate, query tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration.contract.tables.fields import NOT_TEXT, NOT_WHOLE
from integration.contract.tables.rows import ABSENT, Bad, Route
from integration.harness.payloads import blob, envelope

INPUT_FIELDS: dict[str, list[Any]] = {
    "input": ["text", 5, 1.5, True],
    "input.codec": ["", "nope", 5, None],
    "input.blob": [5, None, "!!! not base64", "AA", "", blob(["cut short"])[:-4], blob("no list")],
}
REQUEST_ID: dict[str, list[Any]] = {"request_id": ["x" * 256, *NOT_TEXT]}
WITH_INPUT = {"input": envelope(["x"])}
QUERY_TASK = {"lease_owner": "$worker", "query_task_attempt": 1}
QUERY_TASK_FIELDS: dict[str, list[Any]] = {
    "lease_owner": [ABSENT, "", *NOT_TEXT],
    "query_task_attempt": [ABSENT, *NOT_WHOLE],
}
OPERATION_ROUTES = [
    Route(
        f"{operation}{' of a run' if of_a_run else ''}",
        f"/api/workflows/{{workflow}}{'/runs/{run}' if of_a_run else ''}/{operation}",
        good,
        fields,
    )
    for of_a_run in (False, True)
    for operation, good, fields in [
        ("signal/go", WITH_INPUT, {**INPUT_FIELDS, **REQUEST_ID}),
        ("query/ask", WITH_INPUT, INPUT_FIELDS),
        (
            "update/change",
            WITH_INPUT,
            {
                **INPUT_FIELDS,
                **REQUEST_ID,
                "wait_for": ["whatever", *NOT_TEXT],
                "wait_timeout_seconds": [0, -1, *NOT_WHOLE],
                "wait_policy": [None, "accepted"],
            },
        ),
        ("cancel", {}, {"reason": ["x" * 1001, *NOT_TEXT], **REQUEST_ID}),
        ("terminate", {}, {"reason": ["x" * 1001, *NOT_TEXT], **REQUEST_ID}),
    ]
] + [
    Route("repair", "/api/workflows/{workflow}/repair", {}, REQUEST_ID),
    Route(
        "archive",
        "/api/workflows/{closed}/archive",
        {},
        {"reason": ["x" * 1001, *NOT_TEXT], **REQUEST_ID},
    ),
    Route(
        "query task complete",
        "/api/worker/query-tasks/01NOPE/complete",
        {**QUERY_TASK, "result": 1, "result_envelope": envelope(1)},
        {
            **QUERY_TASK_FIELDS,
            "result_envelope": [
                "text",
                5,
                [1],
                {},
                {"codec": "avro"},
                {"blob": "AAI1Ag=="},
                {**envelope(1), "more": 1},
                {"codec": "nope", "blob": "x"},
            ],
        },
    ),
    Route(
        "query task fail",
        "/api/worker/query-tasks/01NOPE/fail",
        {**QUERY_TASK, "failure": {"message": "m"}},
        {
            **QUERY_TASK_FIELDS,
            "failure": [ABSENT, "text", 5, []],
            "failure.message": [ABSENT, "", *NOT_TEXT],
            "failure.reason": NOT_TEXT,
        },
    ),
]


def operation_rows() -> Iterator[Bad]:
    """Yield every row of this module."""
    for route in OPERATION_ROUTES:
        yield from route.rows()
    yield from _names()
    yield from _targets()
    yield from _repair_and_archive()
    yield from _query_tasks()
    yield Bad(
        name="query without a worker that answers queries",
        path="/api/workflows/{workflow}/query/ask",
        status=409,
        reason="query_worker_unavailable",
        has={"query_name": "ask", "result": None},
    )


def _names() -> Iterator[Bad]:
    for kind in ("signal", "query", "update"):
        for shown, name in [
            ("a control character", "a%01b"),
            ("a delete", "a%7Fb"),
            ("257 bytes", "x" * 257),
            ("257 bytes in fewer letters", "%C3%BC" * 129),
        ]:
            yield Bad(
                name=f"{kind} name with {shown}",
                path=f"/api/workflows/{{workflow}}/{kind}/{name}",
                status=422,
                reason="validation_failed",
                errors=(f"{kind}_name",),
            )


def _targets() -> Iterator[Bad]:
    for operation in ("signal/go", "query/ask", "update/change", "cancel", "terminate"):
        for middle in ("", "/runs/01x"):
            yield Bad(
                name=f"{operation} of an unknown workflow{middle}",
                path=f"/api/workflows/unknown{middle}/{operation}",
                status=404,
                reason="instance_not_found",
                has={"workflow_id": "unknown"},
            )
        for run in ("01x", "{closed_run}"):
            yield Bad(
                name=f"{operation} of a run that is not the current one: {run}",
                path=f"/api/workflows/{{workflow}}/runs/{run}/{operation}",
                status=409,
                reason="historical_run_command_rejected",
                has={"workflow_id": "$workflow", "target_scope": "run"},
            )


def _repair_and_archive() -> Iterator[Bad]:
    for operation in ("repair", "archive"):
        yield Bad(
            name=f"{operation} of an unknown workflow",
            path=f"/api/workflows/unknown/{operation}",
            status=404,
            reason="instance_not_found",
            has={"workflow_id": "unknown"},
        )
        yield Bad(
            name=f"{operation} of a run: there is no such route",
            path=f"/api/workflows/{{workflow}}/runs/{{run}}/{operation}",
            status=404,
            reason="not_found",
        )


def _query_tasks() -> Iterator[Bad]:
    bodies: dict[str, dict[str, Any]] = {
        "complete": {"result": 1},
        "fail": {"failure": {"message": "m"}},
    }
    for verb, rest in bodies.items():
        yield Bad(
            name=f"query task {verb}: unknown task",
            path=f"/api/worker/query-tasks/01NOPE/{verb}",
            body={**QUERY_TASK, **rest},
            status=404,
            reason="query_task_not_found",
        )
