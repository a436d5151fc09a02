"""Field by field: the values that do not fit (control-plane 4 and 5, worker-protocol 2 to 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration.contract.tables.rows import ABSENT, Bad, Route
from integration.harness.payloads import blob, envelope

NOT_TEXT: list[Any] = [5, True, [], {}]
NOT_WHOLE: list[Any] = ["abc", 1.5, [], {}]
NOT_OBJECT: list[Any] = ["text", 5, [1], True]
NOT_NAMES: list[Any] = [["x" * 256], ["a\0b"], ["x"] * 2001]
NOT_LIST: list[Any] = ["text", 5, {"a": 1}, True]
TASK = {"lease_owner": "$worker", "workflow_task_attempt": "$attempt"}
ATTEMPT = {"lease_owner": "$worker", "activity_attempt_id": "$activity_attempt"}
POLL_FIELDS: dict[str, list[Any]] = {
    "worker_id": [ABSENT, "", *NOT_TEXT],
    "task_queue": [ABSENT, "", *NOT_TEXT],
    "poll_request_id": ["x" * 256, *NOT_TEXT],
}
OWNER_FIELDS: dict[str, list[Any]] = {
    "lease_owner": [ABSENT, "", *NOT_TEXT],
    "workflow_task_attempt": [ABSENT, *NOT_WHOLE],
}
ATTEMPT_FIELDS: dict[str, list[Any]] = {
    "lease_owner": [ABSENT, "", *NOT_TEXT],
    "activity_attempt_id": [ABSENT, "", *NOT_TEXT],
}

ROUTES = [
    Route(
        "start",
        "/api/workflows",
        {
            "workflow_id": "never-started",
            "workflow_type": "scene",
            "task_queue": "$queue",
            "input": envelope(["world"]),
        },
        {
            "workflow_type": [ABSENT, "", " ", "x" * 256, *NOT_TEXT],
            "workflow_id": ["bad id/!", "ümlaut", "x" * 129, *NOT_TEXT],
            "task_queue": ["x" * 256, *NOT_TEXT],
            "business_key": ["x" * 256, *NOT_TEXT],
            "input": ["text", 5, 1.5, True],
            "input.codec": ["", "nope", 5, None],
            "input.blob": [
                5,
                None,
                "!!! not base64",
                "AA",
                "",
                "//8=",
                blob(["cut short"])[:-4],
                blob({"not": "a list"}),
                blob("not a list"),
            ],
            "memo": ["text", 5, [1], {"big": "x" * 262_144}],
            "search_attributes": [
                "text",
                5,
                [1],
                {"1digit": "x"},
                {"with space": "x"},
                {"k" * 129: "x"},
                {"Key": "v" * 2049},
                {"Key": ["v" * 2049]},
            ],
            "execution_timeout_seconds": [0, -1, *NOT_WHOLE],
            "run_timeout_seconds": [0, -1, *NOT_WHOLE],
            "duplicate_policy": ["terminate-existing", "whatever", *NOT_TEXT],
            "priority": [-1, 10, *NOT_WHOLE],
            "fairness_key": ["a b", "ümlaut", "x" * 65, *NOT_TEXT],
            "fairness_weight": [0, 1001, *NOT_WHOLE],
            # Presence alone is the mistake, null too.
            "workflow_execution_timeout": [None, 5],
            "workflow_run_timeout": [None, 5],
            "workflow_task_timeout": [None, 5],
            "retry_policy": [None, {"max_attempts": 2}],
            "idempotency_key": [None, "k"],
            "request_id": [None, "r"],
        },
    ),
    Route(
        "start activity",
        "/api/activities",
        {"activity_type": "act", "task_queue": "$queue", "input": envelope(["world"])},
        {
            "activity_type": [ABSENT, "", " ", "x" * 256, "a\0b", *NOT_TEXT],
            "task_queue": [ABSENT, "", " ", "x" * 256, *NOT_TEXT],
            "activity_id": ["", "bad id/!", "ümlaut", "x" * 129, *NOT_TEXT],
            "activity_class": ["x" * 256, *NOT_TEXT],
            "business_key": ["x" * 256, *NOT_TEXT],
            "input": ["text", 5, 1.5, True],
            "input.codec": ["", "nope", 5, None],
            "input.blob": [5, None, "!!! not base64", "AA", "", blob({"not": "a list"})],
            "retry_policy": NOT_OBJECT,
            "retry_policy.max_attempts": [0, -1, *NOT_WHOLE],
            "retry_policy.backoff_seconds": ["text", -1, 1.5, True, {}],
            "retry_policy.non_retryable_error_types": ["text", 5, {}, ["t"] * 1001],
            **{
                f"{name}_timeout_seconds": [0, -1, *NOT_WHOLE]
                for name in ("start_to_close", "schedule_to_start", "schedule_to_close")
            },
            "heartbeat_timeout_seconds": [0, -1, *NOT_WHOLE],
        },
    ),
    Route(
        "register",
        "/api/worker/register",
        {"worker_id": "never-registered", "task_queue": "$queue", "runtime": "python"},
        {
            "task_queue": [ABSENT, "", "x" * 256, *NOT_TEXT],
            "runtime": [ABSENT, "", "x" * 65, *NOT_TEXT],
            "worker_id": ["x" * 256, *NOT_TEXT],
            "sdk_version": ["x" * 65, *NOT_TEXT],
            "build_id": ["x" * 256, *NOT_TEXT],
            "supported_workflow_types": [[5], [[]], *NOT_NAMES, *NOT_LIST],
            "supported_activity_types": [[5], [{}], *NOT_NAMES, *NOT_LIST],
            "workflow_definition_fingerprints": [
                {"t": 5},
                {"t": "x" * 256},
                {"x" * 256: "f"},
                {f"t{number}": "f" for number in range(2001)},
                "text",
                5,
                [1],
            ],
            "max_concurrent_workflow_tasks": [0, -1, *NOT_WHOLE],
            "max_concurrent_activity_tasks": [0, -1, *NOT_WHOLE],
            "capabilities": [[5], ["c"] * 101, *NOT_NAMES, *NOT_LIST],
            "task_slots": [{"workflow_available": -1}, {"activity_available": "x"}, *NOT_OBJECT],
            "process_metrics": [{"host": "x" * 256}, {"note": "x" * 16_384}, *NOT_OBJECT],
            "heartbeat_interval_seconds": [0, 3601, *NOT_WHOLE],
        },
    ),
    Route(
        "worker heartbeat",
        "/api/worker/heartbeat",
        {"worker_id": "$worker"},
        {
            "worker_id": [ABSENT, "", *NOT_TEXT],
            "task_slots": [{"workflow_available": -1}, {"session_available": []}, *NOT_OBJECT],
            "process_metrics": [{"host": "x" * 256}, {"note": "x" * 16_384}, *NOT_OBJECT],
            "heartbeat_interval_seconds": [0, 3601, *NOT_WHOLE],
        },
    ),
    Route(
        "workflow poll",
        "/api/worker/workflow-tasks/poll",
        {"worker_id": "$worker", "task_queue": "$queue"},
        {
            **POLL_FIELDS,
            "history_page_size": [0, 1001, *NOT_WHOLE],
            "accept_history_encoding": NOT_TEXT,
        },
    ),
    Route(
        "activity poll",
        "/api/worker/activity-tasks/poll",
        {"worker_id": "$worker", "task_queue": "$queue"},
        POLL_FIELDS,
    ),
    Route(
        "query poll",
        "/api/worker/query-tasks/poll",
        {"worker_id": "$worker", "task_queue": "$queue"},
        POLL_FIELDS,
    ),
    Route(
        "history page",
        "/api/worker/workflow-tasks/{task}/history",
        {**TASK, "next_history_page_token": "MQ=="},
        {**OWNER_FIELDS, "history_page_size": [0, 1001, *NOT_WHOLE]},
    ),
    Route(
        "workflow task heartbeat",
        "/api/worker/workflow-tasks/{task}/heartbeat",
        TASK,
        OWNER_FIELDS,
    ),
    Route(
        "workflow task fail",
        "/api/worker/workflow-tasks/{task}/fail",
        {**TASK, "failure": {"message": "m"}},
        {
            **OWNER_FIELDS,
            "failure": [ABSENT, "text", 5, []],
            "failure.message": [ABSENT, "", *NOT_TEXT],
            "failure.type": NOT_TEXT,
            "failure.stack_trace": NOT_TEXT,
        },
    ),
    Route(
        "workflow task complete",
        "/api/worker/workflow-tasks/{task}/complete",
        {**TASK, "commands": [{"type": "complete_workflow", "result": envelope(1)}]},
        {**OWNER_FIELDS, "commands": [ABSENT, [], *NOT_LIST], "commands.0": ["text", 5, []]},
    ),
    Route(
        "activity complete",
        "/api/worker/activity-tasks/{activity_task}/complete",
        {**ATTEMPT, "result": envelope(1)},
        {
            **ATTEMPT_FIELDS,
            "result.codec": ["", "nope", 5, None],
            "result.blob": [5, None],
        },
    ),
    Route(
        "activity fail",
        "/api/worker/activity-tasks/{activity_task}/fail",
        {**ATTEMPT, "failure": {"message": "m"}},
        {
            **ATTEMPT_FIELDS,
            "failure": [ABSENT, "text", 5, []],
            "failure.message": [ABSENT, "", *NOT_TEXT],
            "failure.type": NOT_TEXT,
            "failure.stack_trace": NOT_TEXT,
            "failure.non_retryable": ["maybe", 5, []],
            "failure.retryable": ["maybe", 5, []],
            "failure.kind": ["weird", *NOT_TEXT],
            "failure.timeout_type": ["weird", *NOT_TEXT],
            "failure.cancelled": ["maybe", 5, []],
            "failure.malformed_output": ["maybe", 5, []],
        },
    ),
    Route(
        "activity heartbeat",
        "/api/worker/activity-tasks/{activity_task}/heartbeat",
        ATTEMPT,
        {
            **ATTEMPT_FIELDS,
            "details": ["text", 5, [1], True],
            "message": ["x" * 281, *NOT_TEXT],
            "current": [-1, "abc", []],
            "total": [-1, "abc", []],
            "unit": ["steps", "x" * 65, *NOT_TEXT],  # "steps" alone measures nothing
        },
    ),
]


def field_rows() -> Iterator[Bad]:
    """Yield a row for each wrong value of each field of each route."""
    for route in ROUTES:
        yield from route.rows()
    yield from _host_types()
    yield from _contradictions()
    yield from _query_rows()


def _host_types() -> Iterator[Bad]:
    """The type of the runs that host activities is the server's own."""
    yield Bad(
        name="start: a type of the server's own",
        path="/api/workflows",
        body={"workflow_type": "dw.standalone_activity", "task_queue": "$queue"},
        status=422,
        reason="validation_failed",
        errors=("workflow_type",),
    )


def _contradictions() -> Iterator[Bad]:
    for shorter, longer in [
        ("heartbeat", "start_to_close"),
        ("start_to_close", "schedule_to_close"),
        ("schedule_to_start", "schedule_to_close"),
    ]:
        field = f"{shorter}_timeout_seconds"
        yield Bad(
            name=f"start activity: {shorter} longer than {longer}",
            path="/api/activities",
            body={
                "activity_type": "act",
                "task_queue": "$queue",
                field: 9,
                f"{longer}_timeout_seconds": 5,
            },
            status=422,
            reason="validation_failed",
            errors=(field,),
        )


def _query_rows() -> Iterator[Bad]:
    history = "/api/workflows/{workflow}/runs/{run}/history"
    wrong = [
        ("/api/workflows", "status", ["weird", "pending", "cancelled", "terminated"]),
        ("/api/workflows", "page_size", ["0", "201", "-1", "abc", "1.5"]),
        ("/api/activities", "status", ["weird", "pending", "cancelled", "terminated"]),
        ("/api/activities", "page_size", ["0", "201", "-1", "abc", "1.5"]),
        (history, "page_size", ["0", "1001", "-1", "abc", "1.5"]),
        (history, "wait_new_event", ["maybe", "2"]),
        ("/api/workflows/{workflow}/debug", "include_last_event_payload", ["maybe", "2"]),
        (
            "/api/workflows/{workflow}/runs/{run}/debug",
            "include_last_event_payload",
            ["maybe", "2"],
        ),
    ]
    for path, field, values in wrong:
        for value in values:
            yield Bad(
                name=f"{path}?{field}={value}",
                method="GET",
                path=f"{path}?{field}={value}",
                status=422,
                reason="validation_failed",
                errors=(field,),
            )
