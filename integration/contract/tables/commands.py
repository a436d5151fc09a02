"""Commands that a completion may not hold (worker-protocol 3.6): nothing of the list is applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration.contract.tables.rows import ABSENT, Bad
from integration.harness.payloads import envelope

TASK = {"lease_owner": "$worker", "workflow_task_attempt": "$attempt"}
POLICY = {"max_attempts": 2}

GOOD: dict[str, dict[str, Any]] = {
    "schedule_activity": {"activity_type": "act", "arguments": envelope([])},
    "start_timer": {"delay_seconds": 5},
    "continue_as_new": {"arguments": envelope([])},
    "complete_workflow": {"result": envelope(1)},
    "fail_workflow": {"message": "m"},
    "record_side_effect": {"result": envelope(1)["blob"]},
    "start_child_workflow": {"workflow_type": "child", "arguments": envelope([])},
    "open_condition_wait": {"condition_key": "k", "timeout_seconds": 5},
    "record_version_marker": {
        "change_id": "c",
        "version": 1,
        "min_supported": -1,
        "max_supported": 1,
    },
    "upsert_search_attributes": {"attributes": {"Key": "value"}},
    "complete_update": {"update_id": "01nope", "result": envelope(1)},
    "fail_update": {"update_id": "01nope", "message": "m"},
}
# The type of the runs that host activities.
HOST = "dw.standalone_activity"
NOT_TEXT: list[Any] = ["", 5, [], {}]
NOT_A_NAME: list[Any] = ["n" * 256, "a\0b"]
NOT_AN_ID: list[Any] = ["i" * 192]
# An empty text counts as null, and then the run's own is taken.
NOT_OPTIONAL_TEXT: list[Any] = [5, True, [], {}]
NOT_WHOLE: list[Any] = ["abc", "1_0", "+5", 1.5, -1, []]
REFERENCE = {
    "codec": "avro",
    "schema": "durable-workflow.v2.external-payload-reference.v1",
    "uri": "s3://bucket/key",
    "sha256": "9f" * 32,
    "size_bytes": 1_048_577,
}
NOT_PAYLOAD: list[Any] = [
    5,
    {"codec": "avro"},
    {"codec": "nope", "blob": "x"},
    {"codec": "avro", "blob": 5},
    {"codec": "avro", "external_storage": "s3://bucket/key"},
    {"codec": "avro", "external_storage": {"uri": "s3://bucket/key"}},
    {"codec": "avro", "external_storage": {**REFERENCE, "codec": "json"}},
]
NOT_POLICY: list[Any] = [
    "text",
    {"max_attempts": 0},
    {"max_attempts": "abc"},
    {"backoff_seconds": "text"},
    {"backoff_seconds": [-1]},
    {"backoff_seconds": [1.5]},
    {"non_retryable_error_types": "text"},
    {"non_retryable_error_types": [" "]},
    {"non_retryable_error_types": [5]},
    {"non_retryable_error_types": ["t" * 256]},
    {"non_retryable_error_types": ["t"] * 1001},
]
TIMEOUTS = [
    "start_to_close_timeout",
    "schedule_to_start_timeout",
    "schedule_to_close_timeout",
    "heartbeat_timeout",
]
FIELDS: dict[str, dict[str, list[Any]]] = {
    "schedule_activity": {
        "activity_type": [ABSENT, " ", *NOT_TEXT, *NOT_A_NAME],
        "arguments": NOT_PAYLOAD,
        "queue": [*NOT_OPTIONAL_TEXT, *NOT_A_NAME],
        "retry_policy": NOT_POLICY,
        **{name: [0, *NOT_WHOLE] for name in TIMEOUTS},
    },
    # A fraction is taken: the reference SDK passes on whatever number the workflow wrote.
    "start_timer": {
        "delay_seconds": [ABSENT, None, "abc", -1, -0.5, 1e10, 1e303, 10**400, True, [], {}]
    },
    "continue_as_new": {
        "arguments": NOT_PAYLOAD,
        "workflow_type": [HOST, *NOT_OPTIONAL_TEXT, *NOT_A_NAME],
        "queue": [*NOT_OPTIONAL_TEXT, *NOT_A_NAME],
    },
    "complete_workflow": {"result": NOT_PAYLOAD},
    "fail_workflow": {"message": [ABSENT, *NOT_TEXT], "non_retryable": ["maybe", 5, []]},
    "record_side_effect": {"result": [ABSENT, None, *NOT_PAYLOAD]},
    "start_child_workflow": {
        "workflow_type": [ABSENT, HOST, *NOT_TEXT, *NOT_A_NAME],
        "arguments": NOT_PAYLOAD,
        "queue": [*NOT_OPTIONAL_TEXT, *NOT_A_NAME],
        "retry_policy": NOT_POLICY,
        "parent_close_policy": ["whatever", 5, []],
        "execution_timeout_seconds": [0, *NOT_WHOLE],
        "run_timeout_seconds": [0, *NOT_WHOLE],
    },
    "open_condition_wait": {
        "condition_key": [5, [], {}, *NOT_A_NAME],
        "condition_definition_fingerprint": [5, [], {}, *NOT_A_NAME],
        "condition_wait_id": [5, [], {}, *NOT_AN_ID],
        "timeout_seconds": ["abc", -1, 1e303, [], {}],
    },
    "record_version_marker": {
        "change_id": [ABSENT, " ", *NOT_TEXT, *NOT_A_NAME],
        "version": [ABSENT, None, "abc", 1.5, [], 2, -2],
        "min_supported": [ABSENT, None, "abc", 1.5, []],
        "max_supported": [ABSENT, None, "abc", 1.5, []],
    },
    "upsert_search_attributes": {
        "attributes": [
            ABSENT,
            {},
            "text",
            5,
            [],
            {"with space": 1},
            {"k" * 65: 1},
            {"": 1},
            {"Key": {"a": 1}},
            {"Key": [1]},
            {"Key": "v" * 256},
        ],
    },
    "complete_update": {"update_id": [ABSENT, *NOT_TEXT, *NOT_AN_ID], "result": NOT_PAYLOAD},
    "fail_update": {
        "update_id": [ABSENT, *NOT_TEXT, *NOT_AN_ID],
        "message": [ABSENT, *NOT_TEXT],
        "non_retryable": ["maybe", 5, []],
    },
}
# A field on a command that it does not belong to.
OUT_OF_PLACE = [
    ("start_timer", "retry_policy", POLICY),
    ("complete_workflow", "retry_policy", POLICY),
    *[("start_timer", name, 5) for name in TIMEOUTS],
    *[("continue_as_new", name, 5) for name in TIMEOUTS],
    ("schedule_activity", "execution_timeout_seconds", 5),
    ("schedule_activity", "run_timeout_seconds", 5),
    ("continue_as_new", "run_timeout_seconds", 5),
    ("complete_workflow", "non_retryable", True),
    ("schedule_activity", "non_retryable", True),
    ("schedule_activity", "parent_close_policy", "abandon"),
    ("schedule_activity", "delay_seconds", 5),
    ("complete_workflow", "delay_seconds", 5),
    ("start_timer", "timeout_seconds", 5),
    ("start_child_workflow", "delay_seconds", 5),
    ("start_child_workflow", "heartbeat_timeout", 5),
    ("open_condition_wait", "delay_seconds", 5),
    ("record_side_effect", "retry_policy", POLICY),
    ("record_version_marker", "timeout_seconds", 5),
    ("upsert_search_attributes", "parent_close_policy", "abandon"),
    ("complete_update", "non_retryable", True),
]
# Timeouts that contradict each other, under the field that is too long.
CONTRADICTIONS: list[tuple[str, dict[str, int]]] = [
    ("heartbeat_timeout", {"heartbeat_timeout": 9, "start_to_close_timeout": 5}),
    ("start_to_close_timeout", {"start_to_close_timeout": 9, "schedule_to_close_timeout": 5}),
    ("schedule_to_start_timeout", {"schedule_to_start_timeout": 9, "schedule_to_close_timeout": 5}),
]


def command_rows() -> Iterator[Bad]:
    """Yield every row of this module."""
    for kind, fields in FIELDS.items():
        for name, values in fields.items():
            for value in values:
                command = {"type": kind, **GOOD[kind], name: value}
                if value is ABSENT:
                    del command[name]
                yield _invalid(f"{kind}: {name} = {value!r}"[:90], [command], f"commands.0.{name}")
    for kind, name, value in OUT_OF_PLACE:
        command = {"type": kind, **GOOD[kind], name: value}
        yield _invalid(f"{name} on {kind}", [command], f"commands.0.{name}")
    for name, timeouts in CONTRADICTIONS:
        command = {"type": "schedule_activity", **GOOD["schedule_activity"], **timeouts}
        yield _invalid(f"{name} contradicts: {timeouts}", [command], f"commands.0.{name}")
    run_longer = {"execution_timeout_seconds": 5, "run_timeout_seconds": 9}
    child = {"type": "start_child_workflow", **GOOD["start_child_workflow"], **run_longer}
    yield _invalid("a run longer than its execution", [child], "commands.0.run_timeout_seconds")
    good = {"type": "start_timer", "delay_seconds": 5}
    for value in ["dance", 5, None, ABSENT, ""]:
        unknown: dict[str, Any] = {} if value is ABSENT else {"type": value}
        yield _invalid(f"a command of type {value!r}", [unknown], "commands.0.type")
    yield _invalid(
        "an unknown command after a good one", [good, {"type": "dance"}], "commands.1.type"
    )
    yield from _whole_lists()


def _whole_lists() -> Iterator[Bad]:
    done = {"type": "complete_workflow", "result": envelope(1)}
    failed = {"type": "fail_workflow", "message": "m"}
    for name, commands in [
        ("two results", [done, done]),
        ("a result and a failure", [done, failed]),
        ("a result and a new run", [{"type": "continue_as_new"}, done]),
        (
            "a retry policy that says nothing",
            [{"type": "schedule_activity", **GOOD["schedule_activity"], "retry_policy": {"a": 1}}],
        ),
        ("an outcome of an unknown update", [{"type": "fail_update", **GOOD["fail_update"]}]),
        (
            "one update twice",
            [{"type": "complete_update", **GOOD["complete_update"]}] * 2,
        ),
    ]:
        yield Bad(
            name=f"complete: {name}",
            path="/api/worker/workflow-tasks/{task}/complete",
            body={**TASK, "commands": commands},
            status=409,
            reason="invalid_commands",
        )
    # Neither is read: of the second each would be an error, and their texts larger than the body.
    timer: dict[str, Any] = {"type": "start_timer", "delay_seconds": 5}
    yield _too_many("more commands than a batch may hold", timer)
    yield _too_many("more unknown commands than a batch may hold", {})


def _too_many(name: str, command: dict[str, Any]) -> Bad:
    return Bad(
        name=f"complete: {name}",
        path="/api/worker/workflow-tasks/{task}/complete",
        body={**TASK, "commands": [command] * 1001},
        status=422,
        reason="structural_limit_exceeded",
        has={
            "outcome": "rejected",
            "limit_kind": "command_batch_size",
            "current_value": 1001,
            "configured_limit": 1000,
        },
    )


def _invalid(name: str, commands: list[dict[str, Any]], error: str) -> Bad:
    return Bad(
        name=f"complete: {name}",
        path="/api/worker/workflow-tasks/{task}/complete",
        body={**TASK, "commands": commands},
        status=422,
        reason="validation_failed",
        errors=(error,),
    )
