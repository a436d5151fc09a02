"""Requests about a leased activity task (worker-protocol 5)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from durable_workflow.server.api.bodies.fields import Fields
from durable_workflow.server.api.bodies.payloads import check_result
from durable_workflow.server.requests import (
    ActivityFailure,
    CompleteActivityTask,
    FailActivityTask,
    HeartbeatActivityTask,
)

_KINDS: Final = (
    "application",
    "timeout",
    "cancellation",
    "malformed_output",
    "handler_crash",
    "decode_failure",
    "unsupported_payload",
)
_TIMEOUTS: Final = (
    "schedule_to_start",
    "start_to_close",
    "schedule_to_close",
    "heartbeat",
    "deadline_exceeded",
)
_UNBOUNDED: Final = 2**31


def read_complete(document: Mapping[str, Any], names: Mapping[str, str]) -> CompleteActivityTask:
    """`POST /worker/activity-tasks/{task_id}/complete`."""
    fields = Fields(document)
    request = CompleteActivityTask(
        task_id=names["task_id"],
        activity_attempt_id=fields.required_text("activity_attempt_id"),
        lease_owner=fields.required_text("lease_owner"),
        result=check_result(fields),
    )
    fields.check()
    return request


def read_fail(document: Mapping[str, Any], names: Mapping[str, str]) -> FailActivityTask:
    """`POST /worker/activity-tasks/{task_id}/fail`."""
    fields = Fields(document)
    attempt = fields.required_text("activity_attempt_id")
    owner = fields.required_text("lease_owner")
    failure = fields.object("failure")
    if failure is None and "failure" not in fields.errors:
        fields.fail("failure", "is required.")
    request = FailActivityTask(
        task_id=names["task_id"],
        activity_attempt_id=attempt,
        lease_owner=owner,
        failure=_read_failure(fields.inside("failure", failure or {})),
    )
    fields.check()
    return request


def read_heartbeat(document: Mapping[str, Any], names: Mapping[str, str]) -> HeartbeatActivityTask:
    """`POST /worker/activity-tasks/{task_id}/heartbeat`."""
    fields = Fields(document)
    progress = {
        "details": fields.object("details"),
        "message": fields.text("message", longest=280),
        "current": _amount(fields, "current"),
        "total": _amount(fields, "total"),
        "unit": fields.text("unit", longest=64),
    }
    sent = {name: value for name, value in progress.items() if value is not None}
    if "unit" in sent and not ("current" in sent or "total" in sent):
        fields.fail("unit", "needs current or total.")
    request = HeartbeatActivityTask(
        task_id=names["task_id"],
        activity_attempt_id=fields.required_text("activity_attempt_id"),
        lease_owner=fields.required_text("lease_owner"),
        progress=sent,
    )
    fields.check()
    return request


def _read_failure(fields: Fields) -> ActivityFailure:
    # Read for its form alone: only `non_retryable` decides.
    fields.flag("retryable")
    return ActivityFailure(
        message=fields.required_text("message", longest=_UNBOUNDED, trim=False),
        type=fields.text("type", longest=_UNBOUNDED),
        stack_trace=fields.text("stack_trace", longest=_UNBOUNDED, trim=False),
        non_retryable=bool(fields.flag("non_retryable")),
        kind=fields.choice("kind", _KINDS),
        timeout_type=fields.choice("timeout_type", _TIMEOUTS),
        cancelled=bool(fields.flag("cancelled")),
        malformed_output=bool(fields.flag("malformed_output")),
        details=fields.source.get("details"),
    )


def _amount(fields: Fields, name: str) -> int | float | None:
    value = fields.source.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        fields.fail(name, "must be a number.")
    elif value < 0:
        fields.fail(name, "must be at least 0.")
    else:
        return value
    return None
