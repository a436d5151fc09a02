"""Wire forms of commands: every field, every check, and one batch for all payloads."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from durable_workflow import serializer, workflow
from durable_workflow.external_storage import LocalFilesystemExternalStorage
from durable_workflow.workflow import (
    ActivityRetryPolicy,
    CompleteUpdate,
    CompleteWorkflow,
    ContinueAsNew,
    FailUpdate,
    FailWorkflow,
    RecordSideEffect,
    RecordVersionMarker,
    ScheduleActivity,
    StartChildWorkflow,
    StartTimer,
    UpsertSearchAttributes,
    WaitCondition,
    commands_to_server_commands,
)


def envelope(value: Any, codec: Any = "avro") -> Any:
    return serializer.envelope(value, codec)


WIRE_FORMS = [
    (
        ScheduleActivity("a", [1]),
        {
            "type": "schedule_activity",
            "activity_type": "a",
            "arguments": envelope([1]),
            "queue": "worker-queue",
        },
    ),
    (
        ScheduleActivity("a", [], "own", ActivityRetryPolicy(), 5, 6, 7, 4),
        {
            "type": "schedule_activity",
            "activity_type": "a",
            "arguments": envelope([]),
            "queue": "own",
            "retry_policy": {
                "max_attempts": 3,
                "backoff_seconds": [1, 2],
                "non_retryable_error_types": [],
            },
            "start_to_close_timeout": 5,
            "schedule_to_start_timeout": 6,
            "schedule_to_close_timeout": 7,
            "heartbeat_timeout": 4,
        },
    ),
    (StartTimer(60), {"type": "start_timer", "delay_seconds": 60}),
    (CompleteWorkflow({"a": 1}), {"type": "complete_workflow", "result": envelope({"a": 1})}),
    (CompleteWorkflow(None), {"type": "complete_workflow", "result": envelope(None)}),
    (FailWorkflow("no"), {"type": "fail_workflow", "message": "no"}),
    (
        FailWorkflow("no", "E", True),
        {"type": "fail_workflow", "message": "no", "exception_type": "E", "non_retryable": True},
    ),
    (
        CompleteUpdate("u", 5),
        {"type": "complete_update", "update_id": "u", "result": envelope(5)},
    ),
    (
        FailUpdate("u", "no"),
        {"type": "fail_update", "update_id": "u", "message": "no", "non_retryable": True},
    ),
    (
        FailUpdate("u", "no", "E", "m.E", False),
        {
            "type": "fail_update",
            "update_id": "u",
            "message": "no",
            "exception_type": "E",
            "exception_class": "m.E",
        },
    ),
    (
        ContinueAsNew(arguments=[1]),
        {"type": "continue_as_new", "arguments": envelope([1]), "queue": "worker-queue"},
    ),
    (
        ContinueAsNew("t", [], "own"),
        {
            "type": "continue_as_new",
            "arguments": envelope([]),
            "queue": "own",
            "workflow_type": "t",
        },
    ),
    (RecordSideEffect(7), {"type": "record_side_effect", "result": serializer.encode(7)}),
    (
        StartChildWorkflow("c", ["x"]),
        {
            "type": "start_child_workflow",
            "workflow_type": "c",
            "arguments": envelope(["x"]),
            "queue": "worker-queue",
        },
    ),
    (
        StartChildWorkflow("c", [], "own", "terminate", {"max_attempts": 9, "x": 1}, 9, 8),
        {
            "type": "start_child_workflow",
            "workflow_type": "c",
            "arguments": envelope([]),
            "queue": "own",
            "parent_close_policy": "terminate",
            "retry_policy": {"max_attempts": 9, "x": 1},
            "execution_timeout_seconds": 9,
            "run_timeout_seconds": 8,
        },
    ),
    (
        RecordVersionMarker("id", 2, 1, 3, "patched"),
        {
            "type": "record_version_marker",
            "change_id": "id",
            "version": 2,
            "min_supported": 1,
            "max_supported": 3,
        },
    ),
    (
        UpsertSearchAttributes({"a": None, "b": [1]}),
        {"type": "upsert_search_attributes", "attributes": {"a": None, "b": [1]}},
    ),
    (
        UpsertSearchAttributes({"Due": datetime(2026, 1, 1, tzinfo=UTC), "Tags": {"b", "a"}}),
        {
            "type": "upsert_search_attributes",
            "attributes": {"Due": "2026-01-01T00:00:00+00:00", "Tags": ["a", "b"]},
        },
    ),
    (WaitCondition(lambda: True), {"type": "open_condition_wait"}),
    (
        WaitCondition(lambda: True, "k", "sha256:v2:1", 0),
        {
            "type": "open_condition_wait",
            "condition_key": "k",
            "condition_definition_fingerprint": "sha256:v2:1",
            "timeout_seconds": 0,
        },
    ),
]


@pytest.mark.parametrize(
    ("command", "wire"), WIRE_FORMS, ids=[f"{w['type']}-{i}" for i, (_, w) in enumerate(WIRE_FORMS)]
)
def test_a_command_has_its_published_wire_form(command: Any, wire: Any) -> None:
    assert command.to_server_command("worker-queue") == wire
    assert list(command.to_server_command("worker-queue")) == list(wire)


def test_a_whole_completion_is_the_same_in_one_batch() -> None:
    commands = [command for command, _ in WIRE_FORMS]
    assert commands_to_server_commands(commands, "worker-queue") == [wire for _, wire in WIRE_FORMS]
    assert commands_to_server_commands([], "q") == []


def test_results_of_commands_are_written_with_the_codec_of_the_run() -> None:
    wire = CompleteWorkflow([1]).to_server_command("q", payload_codec="json")
    assert wire["result"] == {"codec": "json", "blob": "[1]"}
    wire = RecordSideEffect({"a": 1}).to_server_command("q", payload_codec="json")
    assert wire["result"] == '{"a":1}'


def test_payloads_are_encoded_in_one_visit_to_the_codec(monkeypatch: Any) -> Any:
    batches = []
    encode_many = serializer._avro.encode_many

    def counted(values: Any, *rest: Any, **options: Any) -> Any:
        batches.append(len(values))
        return encode_many(values, *rest, **options)

    monkeypatch.setattr(serializer._avro, "encode_many", counted)
    commands = [ScheduleActivity("a", [n]) for n in range(20)] + [RecordSideEffect(1)] * 3
    commands_to_server_commands(commands, "q")
    assert batches == [20, 3]


TOO_SHORT = [
    ScheduleActivity("a", [], start_to_close_timeout=0),
    ScheduleActivity("a", [], schedule_to_start_timeout=0),
    ScheduleActivity("a", [], schedule_to_close_timeout=-1),
    ScheduleActivity("a", [], heartbeat_timeout=0),
    StartChildWorkflow("c", execution_timeout_seconds=0),
    StartChildWorkflow("c", run_timeout_seconds=0),
]
WRONG_ORDER = [
    ScheduleActivity("a", [], heartbeat_timeout=6, start_to_close_timeout=5),
    ScheduleActivity("a", [], start_to_close_timeout=6, schedule_to_close_timeout=5),
    ScheduleActivity("a", [], schedule_to_start_timeout=6, schedule_to_close_timeout=5),
    StartChildWorkflow("c", run_timeout_seconds=6, execution_timeout_seconds=5),
]


@pytest.mark.parametrize("command", [*TOO_SHORT, *WRONG_ORDER])
def test_timeouts_are_checked_alone_and_in_a_batch(command: Any) -> None:
    complaint = "must be at least 1" if command in TOO_SHORT else "must not exceed"
    with pytest.raises(ValueError, match=complaint):
        command.to_server_command("q")
    with pytest.raises(ValueError, match=complaint):
        commands_to_server_commands([StartTimer(1), command], "q")


def test_unencodable_result_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"^workflow result: .* at result\[0\]"):
        CompleteWorkflow([object()]).to_server_command("q")


def test_large_payloads_go_to_storage(tmp_path: Any) -> None:
    storage = LocalFilesystemExternalStorage(tmp_path)
    commands = [CompleteWorkflow("x" * 500), CompleteWorkflow("x"), RecordSideEffect("y" * 500)]
    large, small, effect = commands_to_server_commands(
        commands, "q", external_storage=storage, external_storage_threshold_bytes=200
    )
    assert set(large["result"]) == {"codec", "external_storage"}
    assert small["result"] == envelope("x")
    assert set(effect["result"]) == {"codec", "external_storage"}
    small_effect = RecordSideEffect("y").to_server_command(
        "q", external_storage=storage, external_storage_threshold_bytes=200
    )
    assert small_effect["result"] == serializer.encode("y")
    decoded = serializer.decode_envelope(large["result"], external_storage=storage)
    assert decoded == "x" * 500


@pytest.mark.parametrize("command", [StartTimer(1), FailWorkflow("x"), WaitCondition(lambda: True)])
def test_commands_without_payload_refuse_storage(command: Any) -> None:
    with pytest.raises(TypeError):
        command.to_server_command("q", external_storage=None)


def test_fail_update_takes_the_storage_arguments() -> None:
    wire = FailUpdate("u", "no").to_server_command(
        "q", external_storage=None, external_storage_threshold_bytes=None
    )
    assert wire["message"] == "no"


def test_size_warning_names_the_payload(caplog: Any) -> None:
    tiny = serializer.PayloadSizeWarningConfig(limit_bytes=10, threshold_percent=100)
    context = {"workflow_id": "w", "kind": "workflow_command"}
    with caplog.at_level(logging.WARNING):
        commands_to_server_commands(
            [ScheduleActivity("charge", ["x" * 100]), UpsertSearchAttributes({"a": "x" * 100})],
            "q",
            size_warning=tiny,
            warning_context=context,
        )
    labels = [record.durable_workflow_payload for record in caplog.records]
    assert [label["kind"] for label in labels] == ["activity_input", "search_attributes"]
    assert labels[0]["activity_name"] == "charge"
    assert labels[0]["workflow_id"] == labels[1]["workflow_id"] == "w"
    caplog.clear()
    commands_to_server_commands([CompleteWorkflow("x" * 100)], "q", size_warning=None)
    assert caplog.records == []


def test_commands_know_their_public_home() -> None:
    for command in (StartTimer, CompleteWorkflow, WaitCondition):
        assert command.__module__ == "durable_workflow.workflow"
    assert workflow.StartTimer is StartTimer
