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


@pytest.fixture
def example(spec_data: Path) -> Any:
    def load(name: str) -> Any:
        return json.loads((spec_data / "external-task-result" / f"{name}.v1.json").read_text())

    return load


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
