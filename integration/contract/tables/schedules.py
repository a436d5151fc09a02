"""What is wrong with requests about schedules (control-plane 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration.contract.tables.rows import ABSENT, Bad, Route
from integration.harness.payloads import blob, envelope

NOT_TEXT: list[Any] = [5, True, ["x"], {"a": 1}]
NOT_WHOLE: list[Any] = ["five", 1.5, True, [1]]
NOT_OBJECT: list[Any] = ["text", 5, [1], True]
POLICIES: list[Any] = ["Skip", "whatever", *NOT_TEXT]
# Refused as wholes, under their own path; what is in them is a row of its own.
SPEC: dict[str, list[Any]] = {
    "spec": [{}, [], {"timezone": "UTC"}, {"cron_expressions": []}, *NOT_OBJECT],
    "spec.cron_expressions": ["0 9 * * *", 5, {"a": "0 9 * * *"}, ["0 9 * * *"] * 101],
    "spec.cron_expressions.0": [
        None,
        "",
        "not a cron",
        "* * * *",
        "0 0 9 * * *",
        "60 * * * *",
        "* 24 * * *",
        "0 0 30 2 *",
        "0 0 * * MOON",
        "@reboot",
        "* * * * *" + " " * 250 + "*",
        *NOT_TEXT,
    ],
    "spec.intervals": ["PT1H", 5, {"every": "PT1H"}, [{"every": "PT1H"}] * 101],
    "spec.intervals.0": [None, "PT1H", 5, {}, {"offset": "PT1H"}],
    "spec.intervals.0.every": [
        ABSENT,
        None,
        "",
        "an hour",
        "PT0S",
        "P",
        "PT",
        "PT0.5S",
        "-PT1H",
        "P200Y",
        "PT" + "9" * 62 + "S",
        *NOT_TEXT,
    ],
    "spec.intervals.0.offset": ["an hour", "PT", "P200Y", *NOT_TEXT],
    "spec.timezone": [
        "Mars/Olympus",
        "../etc/passwd",
        "europe/berlin ",
        "localtime",
        "x" * 65,
        *NOT_TEXT,
    ],
}
ACTION: dict[str, list[Any]] = {
    "action": NOT_OBJECT,
    "action.workflow_type": ["x" * 256, "a\0b", "dw.standalone_activity", *NOT_TEXT],
    "action.task_queue": ["", "x" * 256, *NOT_TEXT],
    "action.input": ["text", 5, True],
    "action.input.codec": ["", "nope", 5, None],
    "action.input.blob": [5, None, "!!! not base64", blob("not a list")],
    "action.execution_timeout_seconds": [0, -1, *NOT_WHOLE],
    "action.run_timeout_seconds": [0, -1, *NOT_WHOLE],
    "action.workflow_execution_timeout": [0, -1, *NOT_WHOLE],
    "action.workflow_run_timeout": [0, -1, *NOT_WHOLE],
}
SETTINGS: dict[str, list[Any]] = {
    "overlap_policy": POLICIES,
    "jitter_seconds": [-1, 3601, *NOT_WHOLE],
    "max_runs": [0, -1, *NOT_WHOLE],
    "memo": NOT_OBJECT,
    "search_attributes": ["text", 5, [1], {"1digit": "x"}, {"with space": "x"}],
    "note": ["x" * 1001, *NOT_TEXT],
}
GOOD: dict[str, Any] = {
    "spec": {
        "cron_expressions": ["0 9 * * *"],
        "intervals": [{"every": "PT1H", "offset": "PT5M"}],
        "timezone": "Europe/Berlin",
    },
    "action": {"workflow_type": "scene", "task_queue": "$queue", "input": envelope(["x"])},
}
ROUTES = [
    Route(
        "create schedule",
        "/api/schedules",
        {"schedule_id": "never-made", **GOOD},
        {
            "schedule_id": ["", ".", "..", "x" * 129, "a\0b", *NOT_TEXT],
            **SPEC,
            "spec": [ABSENT, None, *SPEC["spec"]],
            **ACTION,
            "action": [ABSENT, None, {}, *NOT_OBJECT],
            "action.workflow_type": [ABSENT, None, "", *ACTION["action.workflow_type"]],
            **SETTINGS,
            "paused": ["maybe", 2, [True]],
        },
    ),
    Route(
        "update schedule",
        "/api/schedules/{schedule}",
        GOOD,
        {**SPEC, **ACTION, **SETTINGS},
        method="PUT",
    ),
    Route(
        "pause schedule",
        "/api/schedules/{schedule}/pause",
        {},
        {"note": ["x" * 1001, *NOT_TEXT]},
    ),
    Route(
        "resume schedule",
        "/api/schedules/{schedule}/resume",
        {},
        {"note": ["x" * 1001, *NOT_TEXT]},
    ),
    Route(
        "trigger schedule", "/api/schedules/{schedule}/trigger", {}, {"overlap_policy": POLICIES}
    ),
    Route(
        "backfill schedule",
        "/api/schedules/{schedule}/backfill",
        {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T02:00:00Z"},
        {
            "start_time": [ABSENT, None, "", "yesterday", "1800-01-01", *NOT_TEXT],
            "end_time": [
                ABSENT,
                None,
                "",
                "2026-13-01",
                "9999-12-31T23:59:59-23:59",
                *NOT_TEXT,
            ],
            "overlap_policy": POLICIES,
        },
    ),
]


def schedule_rows() -> Iterator[Bad]:
    """Yield every row of this module."""
    for route in ROUTES:
        yield from route.rows()
    for method, path, body in [
        ("GET", "", None),
        ("PUT", "", {"note": "n"}),
        ("DELETE", "", None),
        ("POST", "/pause", {}),
        ("POST", "/resume", {}),
        ("POST", "/trigger", {}),
        ("POST", "/backfill", {"start_time": "2026-01-01", "end_time": "2026-01-02"}),
        ("GET", "/history", None),
    ]:
        for schedule in ("unknown", "{deleted_schedule}"):
            if (schedule, path) == ("{deleted_schedule}", "/history"):
                continue
            yield Bad(
                name=f"{method} {path or 'schedule'}: {schedule} schedule",
                method=method,
                path=f"/api/schedules/{schedule}{path}",
                body=body,
                status=404,
                reason="schedule_not_found",
            )
    yield from _states()


def _states() -> Iterator[Bad]:
    yield Bad(
        name="a schedule that exists",
        path="/api/schedules",
        body={"schedule_id": "$schedule", **GOOD},
        status=409,
        reason="schedule_already_exists",
        has={"schedule_id": "$schedule"},
    )
    yield Bad(
        name="resume of a schedule that is not paused",
        path="/api/schedules/{schedule}/resume",
        status=409,
        reason="schedule_not_paused",
        has={"schedule_id": "$schedule"},
    )
    for method, path, body in [
        ("POST", "/api/schedules", {"schedule_id": "never-made", **GOOD}),
        ("PUT", "/api/schedules/{schedule}", {}),
    ]:
        yield Bad(
            name=f"{method} {path}: a memo beyond the limit",
            method=method,
            path=path,
            body={**body, "memo": {"big": "x" * 262_144}},
            status=422,
            reason="memo_too_large",
            has={"limit": 262_144},
        )
    for end in ("2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"):
        yield Bad(
            name=f"backfill until {end}",
            path="/api/schedules/{schedule}/backfill",
            body={"start_time": "2026-01-01T00:00:00Z", "end_time": end},
            status=422,
            reason="invalid_time_range",
        )
    for cursor in ("-1", "abc", "1.5", "9" * 20):
        yield Bad(
            name=f"history after {cursor}",
            method="GET",
            path=f"/api/schedules/{{schedule}}/history?after_sequence={cursor}",
            status=422,
            reason="invalid_after_sequence",
        )
