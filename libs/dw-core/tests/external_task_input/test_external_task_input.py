import copy
import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import external_task_input
from durable_workflow.external_task_input import (
    ExternalTaskInputError,
    parse_external_task_input,
    parse_external_task_input_artifact,
)

ABSENT = object()


LEASE: dict[str, Any] = {"owner": "worker-1", "expires_at": "2026-06-01T09:30:00Z"}
ARGUMENTS: dict[str, Any] = {"arguments": {"codec": "avro", "blob": "AAYxMjMC"}}
TRACE: dict[str, Any] = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
DEADLINES: dict[str, Any] = {
    "schedule_to_start": "2026-06-01T09:20:00Z",
    "start_to_close": "2026-06-01T09:25:00Z",
    "schedule_to_close": "2026-06-01T09:40:00Z",
    "heartbeat": "2026-06-01T09:21:00Z",
}


@pytest.fixture
def activity_task() -> Any:
    task: dict[str, Any] = {
        "schema": external_task_input.EXTERNAL_TASK_INPUT_SCHEMA,
        "version": 1,
        "task": {
            "id": "activity-1",
            "kind": "activity_task",
            "attempt": 1,
            "activity_attempt_id": "attempt-1",
            "task_queue": "invoices",
            "handler": "invoices.print",
            "connection": None,
            "idempotency_key": "attempt-1",
        },
        "workflow": {"id": "invoice-7", "run_id": "run-1"},
        "lease": {**LEASE, "heartbeat_endpoint": "/api/worker/activity-tasks/activity-1/heartbeat"},
        "payloads": ARGUMENTS,
        "deadlines": DEADLINES,
        "headers": TRACE,
    }
    return task


@pytest.fixture
def workflow_task() -> Any:
    task: dict[str, Any] = {
        "schema": external_task_input.EXTERNAL_TASK_INPUT_SCHEMA,
        "version": 1,
        "task": {
            "id": "workflow-1",
            "kind": "workflow_task",
            "attempt": 3,
            "task_queue": "invoices",
            "handler": "invoices",
            "connection": "primary",
            "compatibility": None,
            "idempotency_key": "workflow-1:3",
        },
        "workflow": {
            "id": "invoice-7",
            "run_id": "run-1",
            "status": "running",
            "resume": {"workflow_event_type": "ActivityCompleted", "workflow_sequence": 4},
        },
        "lease": {**LEASE, "heartbeat_endpoint": "/api/worker/workflow-tasks/workflow-1/heartbeat"},
        "payloads": ARGUMENTS,
        "history": {
            "events": [{"event_type": "WorkflowStarted", "sequence": 1, "payload": {}}],
            "last_sequence": 5,
            "next_page_token": None,
            "encoding": None,
        },
        "headers": TRACE,
    }
    return task


def test_the_published_tasks_are_read(spec_data: Path) -> None:
    folder = spec_data / "external-task-input"
    published = {
        path.name: parse_external_task_input(json.loads(path.read_text()))
        for path in folder.glob("*.json")
    }
    assert published["activity-task.v1.json"].is_activity_task
    assert published["workflow-task.v1.json"].is_workflow_task
    assert len(published) == 2


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The document with another value, or none, at a dotted path."""
    document = copy.deepcopy(document)
    *parents, last = path.split(".")
    section: Any = document
    for parent in parents:
        section = section[parent]
    if value is ABSENT:
        del section[last]
    else:
        section[last] = value
    return document


def artifact(document: dict[str, Any], **change: object) -> dict[str, Any]:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return {
        "artifact": "durable-workflow.v2.external-task-input.activity-task.v1",
        "media_type": external_task_input.EXTERNAL_TASK_INPUT_MEDIA_TYPE,
        "schema": external_task_input.EXTERNAL_TASK_INPUT_SCHEMA,
        "version": 1,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "example": document,
        **change,
    }


def test_an_activity_task(activity_task: Any) -> None:
    task = parse_external_task_input({**activity_task, "later": 1})
    assert (task.is_activity_task, task.is_workflow_task) == (True, False)
    assert task.task.handler == "invoices.print"
    assert task.task.activity_attempt_id == "attempt-1"
    assert (task.task.attempt, task.task.connection, task.task.compatibility) == (1, None, None)
    assert task.workflow.run_id == "run-1"
    assert (task.workflow.status, task.workflow.resume, task.history) == (None, None, None)
    assert task.lease.owner == "worker-1"
    assert task.payloads["arguments"]["codec"] == "avro"
    assert set(task.deadlines or {}) == {
        "schedule_to_start",
        "start_to_close",
        "schedule_to_close",
        "heartbeat",
    }
    assert "traceparent" in task.headers


def test_a_workflow_task(workflow_task: Any) -> None:
    task = parse_external_task_input(workflow_task)
    assert (task.is_activity_task, task.is_workflow_task) == (False, True)
    assert task.kind == task.task.kind == "workflow_task"
    assert task.deadlines is None
    assert task.history
    assert task.history["events"] == workflow_task["history"]["events"]
    assert task.workflow.resume == workflow_task["workflow"]["resume"]
    assert task.task.activity_attempt_id is None


COMMON: list[tuple[str, object]] = [
    ("schema", "other"),
    ("version", 2),
    ("version", True),
    ("version", "1"),
    ("task", ABSENT),
    ("task.kind", "query_task"),
    ("task.kind", None),
    ("task.id", ABSENT),
    ("task.id", 1),
    ("task.attempt", 0),
    ("task.attempt", True),
    ("task.attempt", "1"),
    ("task.task_queue", None),
    ("task.idempotency_key", ABSENT),
    ("task.connection", ABSENT),
    ("task.connection", 1),
    ("workflow", None),
    ("workflow.id", ABSENT),
    ("workflow.run_id", 1),
    ("lease", []),
    ("lease.owner", ABSENT),
    ("lease.expires_at", None),
    ("lease.heartbeat_endpoint", ABSENT),
    ("payloads", ABSENT),
    ("payloads.arguments", ABSENT),
    ("payloads.arguments", "blob"),
    ("headers", ABSENT),
    ("headers", []),
]
ACTIVITY = [
    ("task.handler", None),
    ("task.activity_attempt_id", ABSENT),
    ("deadlines", ABSENT),
    ("deadlines.heartbeat", ABSENT),
    ("deadlines.start_to_close", 1),
]
WORKFLOW: list[tuple[str, object]] = [
    ("task.handler", ABSENT),
    ("task.handler", 1),
    ("task.compatibility", ABSENT),
    ("workflow.status", ABSENT),
    ("workflow.resume", ABSENT),
    ("workflow.resume", None),
    ("history", ABSENT),
    ("history.events", {}),
    ("history.last_sequence", None),
    ("history.last_sequence", True),
    ("history.next_page_token", ABSENT),
    ("history.encoding", ABSENT),
    ("history.encoding", 1),
]


@pytest.mark.parametrize(("path", "value"), COMMON + ACTIVITY)
def test_a_bad_activity_task_is_refused_and_the_place_named(
    activity_task: Any, path: Any, value: Any
) -> None:
    with pytest.raises(ExternalTaskInputError, match=path.replace(".", r"\.")):
        parse_external_task_input(changed(activity_task, path, value))


@pytest.mark.parametrize(("path", "value"), COMMON + WORKFLOW)
def test_a_bad_workflow_task_is_refused_and_the_place_named(
    workflow_task: Any, path: Any, value: Any
) -> None:
    with pytest.raises(ExternalTaskInputError, match=path.replace(".", r"\.")):
        parse_external_task_input(changed(workflow_task, path, value))


@pytest.mark.parametrize("path", ["payloads.arguments", "deadlines.heartbeat", "task.connection"])
def test_what_may_be_null(activity_task: Any, path: Any) -> None:
    assert parse_external_task_input(changed(activity_task, path, None)).is_activity_task


def test_a_workflow_task_may_have_no_handler(workflow_task: Any) -> None:
    task = parse_external_task_input(changed(workflow_task, "task.handler", None))
    assert task.task.handler is None


def test_an_artifact_is_its_example_with_a_checksum(activity_task: Any) -> None:
    example = {**activity_task, "headers": {"note": "héllo ☃"}}
    assert parse_external_task_input_artifact(artifact(example)) == parse_external_task_input(
        example
    )


@pytest.mark.parametrize(
    "change",
    [
        {"artifact": "durable-workflow.v2.external-task-result.success.v1"},
        {"artifact": None},
        {"media_type": "application/json"},
        {"schema": "other"},
        {"version": 2},
        {"sha256": "0" * 64},
        {"sha256": None},
        {"example": []},
    ],
)
def test_what_is_no_artifact(activity_task: Any, change: Any) -> None:
    with pytest.raises(ExternalTaskInputError):
        parse_external_task_input_artifact(artifact(activity_task, **change))


def test_an_artifact_is_held_to_the_contract_too(activity_task: Any) -> None:
    with pytest.raises(ExternalTaskInputError, match="version"):
        parse_external_task_input_artifact(artifact({**activity_task, "version": 9}))


@pytest.mark.parametrize("document", [None, [], "text"])
def test_what_is_no_object(document: Any) -> None:
    for parse in (parse_external_task_input, parse_external_task_input_artifact):
        with pytest.raises(ExternalTaskInputError, match="must be an object"):
            parse(document)


def test_the_error_can_be_pickled() -> None:
    error = ExternalTaskInputError("bad")
    assert pickle.loads(pickle.dumps(error)) == error
