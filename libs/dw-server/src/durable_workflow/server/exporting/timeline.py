"""The timeline of a bundle: one entry for each event, with a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject


class _Row(msgspec.Struct, frozen=True):
    """How events of a type are shown.

    Attributes:
        source_id: The member of the payload with the id of what it is about; None: of the run.
        summary: The sentence, with members of the payload in braces.
    """

    kind: str
    source_kind: str
    source_id: str | None
    summary: str


def _rows(
    kind: str, source_kind: str, source_id: str | None, summaries: Mapping[str, str]
) -> dict[str, _Row]:
    return {word: _Row(kind, source_kind, source_id, text) for word, text in summaries.items()}


_ROWS: Final[dict[str, _Row]] = {
    **_rows(
        "command",
        "workflow_command",
        "workflow_command_id",
        {
            names.START_ACCEPTED: "Start accepted as {outcome}.",
            names.START_REJECTED: "Start rejected: {rejection_reason}.",
            names.CANCEL_REQUESTED: "Cancellation requested.",
            names.TERMINATE_REQUESTED: "Termination requested.",
            names.REPAIR_REQUESTED: "Repair requested: {outcome}.",
            names.ARCHIVE_REQUESTED: "Archiving requested: {outcome}.",
        },
    ),
    **_rows(
        "workflow",
        "workflow_run",
        None,
        {
            names.WORKFLOW_STARTED: "Workflow run started.",
            names.WORKFLOW_CONTINUED_AS_NEW: "Continued as new run {continued_to_run_id}.",
            names.WORKFLOW_COMPLETED: "Workflow completed.",
            names.WORKFLOW_FAILED: "Workflow failed: {message}",
            names.WORKFLOW_TIMED_OUT: "Workflow timed out.",
            names.WORKFLOW_CANCELLED: "Workflow cancelled.",
            names.WORKFLOW_TERMINATED: "Workflow terminated.",
            names.WORKFLOW_ARCHIVED: "Workflow archived.",
            names.SEARCH_ATTRIBUTES_UPSERTED: "Search attributes upserted.",
            names.MEMO_UPSERTED: "Memo upserted.",
            names.SCHEDULE_TRIGGERED: "Started by schedule {schedule_id}.",
        },
    ),
    **_rows(
        "activity",
        "activity_execution",
        "activity_execution_id",
        {
            names.ACTIVITY_SCHEDULED: "Scheduled {activity_type}.",
            names.ACTIVITY_STARTED: "Started {activity_type}.",
            names.ACTIVITY_HEARTBEAT_RECORDED: "Recorded heartbeat for {activity_type}.",
            names.ACTIVITY_RETRY_SCHEDULED: "Scheduled retry of {activity_type}.",
            names.ACTIVITY_COMPLETED: "Completed {activity_type}.",
            names.ACTIVITY_FAILED: "Failed {activity_type}: {message}",
            names.ACTIVITY_TIMED_OUT: "{activity_type} timed out.",
            names.ACTIVITY_CANCELLED: "Cancelled {activity_type}.",
        },
    ),
    **_rows(
        "timer",
        "timer",
        "timer_id",
        {
            names.TIMER_SCHEDULED: "Scheduled a timer of {delay_seconds} s.",
            names.TIMER_FIRED: "Timer fired.",
            names.TIMER_CANCELLED: "Timer cancelled.",
        },
    ),
    **_rows(
        "condition",
        "condition_wait",
        "condition_wait_id",
        {
            names.CONDITION_WAIT_OPENED: "Waiting for a condition.",
            names.CONDITION_WAIT_SATISFIED: "Condition satisfied.",
            names.CONDITION_WAIT_TIMED_OUT: "Condition wait timed out.",
        },
    ),
    **_rows(
        "signal",
        "workflow_signal",
        "signal_id",
        {
            names.SIGNAL_RECEIVED: "Received signal {signal_name}.",
            names.SIGNAL_APPLIED: "Applied signal {signal_name}.",
            names.SIGNAL_WAIT_OPENED: "Waiting for signal {signal_name}.",
            names.SIGNAL_NOT_APPLIED: "Did not apply signal {signal_name}: {message}",
        },
    ),
    **_rows(
        "update",
        "workflow_update",
        "update_id",
        {
            names.UPDATE_ACCEPTED: "Accepted update {update_name}.",
            names.UPDATE_REJECTED: "Rejected update {update_name}.",
            names.UPDATE_APPLIED: "Applied update {update_name}.",
            names.UPDATE_COMPLETED: "Completed update {update_name}.",
        },
    ),
    **_rows(
        "child",
        "child_workflow_run",
        "child_workflow_run_id",
        {
            names.CHILD_WORKFLOW_SCHEDULED: "Scheduled child {child_workflow_type}.",
            names.CHILD_RUN_STARTED: "Started child {child_workflow_type}.",
            names.CHILD_RUN_COMPLETED: "Child {child_workflow_type} completed.",
            names.CHILD_RUN_FAILED: "Child {child_workflow_type} failed: {message}",
            names.CHILD_RUN_CANCELLED: "Child {child_workflow_type} cancelled.",
            names.CHILD_RUN_TERMINATED: "Child {child_workflow_type} terminated.",
        },
    ),
    **_rows(
        "child",
        "child_workflow_run",
        "child_run_id",
        {
            names.PARENT_CLOSE_POLICY_APPLIED: "Applied parent close policy {policy}.",
            names.PARENT_CLOSE_POLICY_FAILED: "Parent close policy {policy} failed.",
        },
    ),
    names.FAILURE_HANDLED: _Row("failure", "failure", "failure_id", "Failure handled."),
    names.SIDE_EFFECT_RECORDED: _Row("side_effect", "workflow_run", None, "Recorded side effect."),
    names.VERSION_MARKER_RECORDED: _Row(
        "version", "workflow_run", None, "Recorded version {version} of {change_id}."
    ),
}

# Members of payloads that an entry repeats where they are there, by the name it gives them.
_REPEATED: Final = {
    **{
        name: name
        for name in (
            "signal_id",
            "signal_wait_id",
            "condition_wait_id",
            "condition_key",
            "condition_definition_fingerprint",
            "signal_name",
            "update_name",
            "version",
            "activity_execution_id",
            "activity_type",
            "activity_class",
            "retry_task_id",
            "retry_available_at",
            "retry_backoff_seconds",
            "retry_after_attempt_id",
            "retry_after_attempt",
            "timer_id",
            "delay_seconds",
            "child_call_id",
            "child_workflow_instance_id",
            "child_workflow_run_id",
            "child_workflow_type",
            "child_workflow_class",
            "child_status",
            "failure_id",
            "exception_type",
            "exception_class",
            "message",
            "closed_reason",
        )
    },
    "version_change_id": "change_id",
    "version_min_supported": "min_supported",
    "version_max_supported": "max_supported",
    "retry_max_attempts": "max_attempts",
}
_ACTIVITY_STATUS: Final = {
    names.ACTIVITY_SCHEDULED: "pending",
    names.ACTIVITY_STARTED: "running",
    names.ACTIVITY_HEARTBEAT_RECORDED: "running",
    names.ACTIVITY_RETRY_SCHEDULED: "pending",
    names.ACTIVITY_COMPLETED: "completed",
    names.ACTIVITY_FAILED: "failed",
    names.ACTIVITY_TIMED_OUT: "failed",
    names.ACTIVITY_CANCELLED: "cancelled",
}


class _Members(dict[str, Any]):
    """Members of a payload for a sentence; what is not there is a dash."""

    def __missing__(self, key: str) -> str:
        return "-"


def entry(event: JsonObject, run_id: str) -> JsonObject:
    """The entry of an event, as the bundle has it. Members without a value are left out."""
    payload: JsonObject = event["payload"]
    word: str = event["type"]
    row = _ROWS.get(word) or _Row("workflow", "workflow_run", None, f"{word}.")
    command: JsonObject = payload.get("command") or {}
    shown: JsonObject = {
        "id": event["id"],
        "sequence": event["sequence"],
        "type": word,
        "kind": row.kind,
        "entry_kind": "point",
        "source_kind": row.source_kind,
        "source_id": run_id if row.source_id is None else payload.get(row.source_id),
        "summary": row.summary.format_map(_Members(payload)),
        "recorded_at": event["recorded_at"],
        "command_id": event["workflow_command_id"],
        "command_sequence": command.get("sequence"),
        "command_type": command.get("type"),
        "command_status": command.get("status"),
        "command_outcome": command.get("outcome"),
        "command_rejection_reason": command.get("rejection_reason"),
        "requested_run_id": _requested(command),
        "resolved_run_id": command.get("resolved_run_id"),
        "task_id": event["workflow_task_id"],
        "workflow_sequence": payload.get("sequence"),
    }
    for name, member in _REPEATED.items():
        value = payload.get(member)
        if value is not None:
            shown[name] = value
    if word in _ACTIVITY_STATUS:
        shown["activity_status"] = _ACTIVITY_STATUS[word]
    return shown


def _requested(command: JsonObject) -> str | None:
    found: str | None = (
        command.get("resolved_run_id") if command.get("target_scope") == "run" else None
    )
    return found
