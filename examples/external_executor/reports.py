"""From what the endpoint responded to what the server is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

from durable_workflow.external_task_result import (
    ExternalTaskResultError,
    parse_external_task_result,
)

Json = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """How a task ended.

    Attributes:
        verb: `complete` or `fail`.
        body: What is reported beside whose the task is.
        is_of_the_task: Whether the endpoint said so itself; calling it again changes nothing.
    """

    verb: str
    body: Json
    is_of_the_task: bool = False


def report_of(task: Json, response: httpx.Response) -> Report:
    """The report of a response."""
    try:
        document: Json = json.loads(response.content)
        result = parse_external_task_result(document)
    except (ValueError, RecursionError) as error:
        reason = (
            "invalid_envelope" if isinstance(error, ExternalTaskResultError) else "invalid_json"
        )
        return malformed(f"the endpoint responded {response.status_code}: {error}", reason)
    identity = (result.task.kind, result.task.id, result.task.idempotency_key)
    if identity != ("activity_task", task["task_id"], task["activity_attempt_id"]):
        return malformed("the endpoint responded about another task", "wrong_task")
    if result.malformed_output:
        return malformed("the endpoint could not run its handler", "malformed_output")
    if result.succeeded:
        content: Json = document["result"] or {}
        payload = content.get("payload")
        return Report("complete", {"result": _envelope_or_none(payload)}, is_of_the_task=True)
    failure: Json = document["failure"]
    body: Json = {
        "message": failure["message"] or "External activity handler failed.",
        "type": failure["type"],
        "stack_trace": failure["stack_trace"],
        "kind": failure["kind"],
        "timeout_type": failure["timeout_type"],
        "retryable": document["outcome"]["retryable"],
        "non_retryable": not document["outcome"]["retryable"],
        "cancelled": failure["cancelled"],
        "details": _envelope_or_none(failure["details"]),
    }
    return Report("fail", {"failure": body}, is_of_the_task=True)


def failed(
    message: str,
    type_: str,
    task: Json,
    *,
    kind: str = "application",
    timeout_type: str | None = None,
    retryable: bool = False,
) -> Report:
    """The report of a call that brought nothing back."""
    failure: Json = {
        "message": f"{task['activity_type']}: {message}",
        "type": type_,
        "kind": kind,
        "timeout_type": timeout_type,
        "retryable": retryable,
        "non_retryable": not retryable,
    }
    return Report("fail", {"failure": failure})


def malformed(message: str, reason: str) -> Report:
    """The report of a response that is no result."""
    failure: Json = {
        "message": message,
        "type": "MalformedExternalTaskOutput",
        "kind": "malformed_output",
        "malformed_output": True,
        "retryable": False,
        "non_retryable": True,
        "details": {"codec": "json/plain", "blob": json.dumps({"reason": reason})},
    }
    return Report("fail", {"failure": failure})


def _envelope_or_none(value: Any) -> Json | None:
    if not isinstance(value, dict):
        return None
    payload: Json = value  # pyright: ignore[reportUnknownVariableType]
    return payload if {"codec", "blob"} <= payload.keys() else None
