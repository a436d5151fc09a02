import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import external_task_result
from durable_workflow.external_task_result import (
    ExternalTaskResultError,
    parse_external_task_result,
    parse_external_task_result_artifact,
)

ABSENT = object()


# Kind, classification, type, timeout type, cancelled, may be tried again.
FAILURES: dict[str, tuple[str, str, str, str | None, bool, bool]] = {
    "failure": ("timeout", "deadline_exceeded", "Late", "deadline_exceeded", False, True),
    "cancellation": ("cancellation", "cancelled", "Cancelled", None, True, False),
    "handler-crash": ("handler_crash", "handler_crash", "Crash", None, False, True),
    "decode-failure": ("decode_failure", "decode_failure", "Decode", None, False, False),
    "malformed-output": ("malformed_output", "malformed_output", "Output", None, False, False),
    "unsupported-payload-codec": (
        "unsupported_payload", "unsupported_payload_codec", "Codec", None, False, False,
    ),
    "unsupported-payload-reference": (
        "unsupported_payload", "unsupported_payload_reference", "Reference", None, False, False,
    ),
}  # fmt: skip


def envelope(name: str) -> dict[str, Any]:
    """The result envelope of a success, or of a failure by its name."""
    document: dict[str, Any] = {
        "schema": external_task_result.EXTERNAL_TASK_RESULT_SCHEMA,
        "version": 1,
        "outcome": {"status": "succeeded", "recorded": True},
        "task": {
            "id": "activity-1",
            "kind": "activity_task",
            "attempt": 1,
            "idempotency_key": "attempt-1",
        },
        "metadata": {"handler": "invoices.print", "duration_ms": 12},
    }
    if name == "success":
        payload = {"codec": "avro", "blob": "AAQ3Ag=="}
        return document | {"result": {"payload": payload, "metadata": {}}}
    kind, classification, type_, timeout_type, cancelled, retryable = FAILURES[name]
    failure = {
        "kind": kind,
        "classification": classification,
        "message": "it did not work",
        "type": type_,
        "stack_trace": None,
        "timeout_type": timeout_type,
        "cancelled": cancelled,
        "details": None,
    }
    document |= {"failure": failure}
    document["outcome"] = {"status": "failed", "retryable": retryable, "recorded": True}
    if name == "malformed-output":
        document["raw_output"] = {"stdout_preview": "}{", "exit_code": 3}
        document["outcome"]["recorded"] = False
    return document


@pytest.fixture
def example() -> Any:
    return envelope


def test_the_published_results_are_read(spec_data: Path) -> None:
    names: set[str] = set()
    for path in (spec_data / "external-task-result").glob("*.json"):
        published = json.loads(path.read_text())
        name = path.name.removesuffix(".v1.json")
        result = parse_external_task_result(published)
        ours = parse_external_task_result(envelope(name))
        assert flags(result) == flags(ours)
        assert (result.kind, result.failure_kind) == (ours.kind, ours.failure_kind)
        assert result.failure_classification == ours.failure_classification
        names.add(name)
    assert names == {"success", *FAILURES}


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The document with another value, or none, at a dotted path."""
    document = copy.deepcopy(document)
    *parents, last = path.split(".")
    section: Any = document
    for parent in parents:
        section = section[parent]
    if value is ABSENT:
        section.pop(last, None)
    else:
        section[last] = value
    return document


FLAGS = (
    "cancelled",
    "deadline_exceeded",
    "handler_crash",
    "decode_failure",
    "unsupported_payload",
    "malformed_output",
)


def flags(result: object) -> set[str]:
    return {flag for flag in FLAGS if getattr(result, flag)}


def test_a_success_has_a_result_and_no_failure(example: Any) -> None:
    result = parse_external_task_result(example("success"))
    assert (result.kind, result.succeeded, result.failed) == ("success", True, False)
    assert result.task.kind == "activity_task"
    assert result.result == example("success")["result"]
    assert (result.failure, result.failure_kind, result.failure_classification) == (None,) * 3
    assert not result.retryable
    assert flags(result) == set()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("failure", {"deadline_exceeded"}),
        ("cancellation", {"cancelled"}),
        ("handler-crash", {"handler_crash"}),
        ("decode-failure", {"decode_failure"}),
        ("malformed-output", {"malformed_output"}),
        ("unsupported-payload-codec", {"unsupported_payload"}),
        ("unsupported-payload-reference", {"unsupported_payload"}),
    ],
)
def test_a_failure_says_of_which_kind_it_is(example: Any, name: Any, expected: Any) -> None:
    document = example(name)
    result = parse_external_task_result({**document, "later": 1})
    assert (result.succeeded, result.failed) == (False, True)
    assert flags(result) == expected
    assert result.failure_kind == document["failure"]["kind"]
    assert result.failure_classification == document["failure"]["classification"]
    assert result.retryable is document["outcome"]["retryable"]
    assert result.recorded is document["outcome"]["recorded"]
    assert result.raw_output == document.get("raw_output")
    assert result.kind == ("malformed_output" if name == "malformed-output" else "failure")


def test_output_that_was_kept_makes_a_result_malformed(example: Any) -> None:
    document = {**example("failure"), "raw_output": {"exit_code": 1}}
    assert parse_external_task_result(document).malformed_output


def test_a_deadline_may_be_told_by_the_timeout_type(example: Any) -> None:
    document = changed(example("failure"), "failure.classification", "timeout")
    document = changed(document, "failure.timeout_type", "deadline_exceeded")
    assert parse_external_task_result(document).deadline_exceeded
    document = changed(document, "failure.timeout_type", "heartbeat")
    assert not parse_external_task_result(document).deadline_exceeded


COMMON: list[tuple[str, object]] = [
    ("schema", "other"),
    ("version", 2),
    ("version", True),
    ("outcome", ABSENT),
    ("outcome.status", "done"),
    ("outcome.recorded", ABSENT),
    ("outcome.recorded", 1),
    ("metadata", ABSENT),
    ("metadata", []),
    ("task", ABSENT),
    ("task.id", ABSENT),
    ("task.kind", 1),
    ("task.attempt", 0),
    ("task.attempt", True),
    ("task.idempotency_key", None),
]
FAILURE = [
    ("outcome.retryable", ABSENT),
    ("outcome.retryable", "no"),
    ("failure", ABSENT),
    ("failure.kind", "other"),
    ("failure.classification", "other"),
    ("failure.message", None),
    ("failure.type", ABSENT),
    ("failure.stack_trace", ABSENT),
    ("failure.stack_trace", 1),
    ("failure.timeout_type", ABSENT),
    ("failure.cancelled", ABSENT),
    ("failure.cancelled", 0),
    ("failure.details", ABSENT),
    ("failure.details", "text"),
    ("raw_output", None),
    ("raw_output", "text"),
]


@pytest.mark.parametrize(("path", "value"), [*COMMON, ("result", ABSENT), ("result", "text")])
def test_a_bad_success_is_refused_and_the_place_named(example: Any, path: Any, value: Any) -> None:
    with pytest.raises(ExternalTaskResultError, match=path.replace(".", r"\.")):
        parse_external_task_result(changed(example("success"), path, value))


@pytest.mark.parametrize(("path", "value"), COMMON + FAILURE)
def test_a_bad_failure_is_refused_and_the_place_named(example: Any, path: Any, value: Any) -> None:
    with pytest.raises(ExternalTaskResultError, match=path.replace(".", r"\.")):
        parse_external_task_result(changed(example("failure"), path, value))


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("cancellation", "failure.cancelled", False),
        ("malformed-output", "raw_output", ABSENT),
    ],
)
def test_members_that_depend_on_others(example: Any, name: Any, path: Any, value: Any) -> None:
    with pytest.raises(ExternalTaskResultError, match=path.replace(".", r"\.")):
        parse_external_task_result(changed(example(name), path, value))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("success", "result"),
        ("failure", "failure.details"),
        ("failure", "failure.type"),
        ("failure", "failure.timeout_type"),
    ],
)
def test_what_may_be_null(example: Any, name: Any, path: Any) -> None:
    assert parse_external_task_result(changed(example(name), path, None))


def artifact(document: dict[str, Any], **change: object) -> dict[str, Any]:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return {
        "artifact": "durable-workflow.v2.external-task-result.failure.v1",
        "media_type": external_task_result.EXTERNAL_TASK_RESULT_MEDIA_TYPE,
        "schema": external_task_result.EXTERNAL_TASK_RESULT_SCHEMA,
        "version": 1,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "example": document,
        **change,
    }


def test_an_artifact_is_its_example_with_a_checksum(example: Any) -> None:
    document = example("failure")
    parsed = parse_external_task_result_artifact(artifact(document))
    assert parsed == parse_external_task_result(document)


@pytest.mark.parametrize(
    "change",
    [
        {"artifact": "durable-workflow.v2.external-task-input.activity-task.v1"},
        {"media_type": "application/json"},
        {"schema": "other"},
        {"version": True},
        {"sha256": "0" * 64},
        {"example": None},
    ],
)
def test_what_is_no_artifact(example: Any, change: Any) -> None:
    with pytest.raises(ExternalTaskResultError):
        parse_external_task_result_artifact(artifact(example("failure"), **change))
