"""What the ``control_plane`` object of an answer says, as it is published (control-plane 1.4)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

CONTRACT: Final[dict[str, Any]] = {
    "schema": "durable-workflow.v2.control-plane-response.contract",
    "version": 1,
    "legacy_field_policy": "reject_non_canonical",
    "legacy_fields": {
        "query": "query_name",
        "signal": "signal_name",
        "update": "update_name",
        "wait_policy": "wait_for",
    },
}
_NAMED: Final = ["workflow_id", "operation_name", "operation_name_field"]

PROJECTED_FIELDS: Final = (
    "run_id",
    "workflow_type",
    "namespace",
    "business_key",
    "status",
    "status_bucket",
    "is_terminal",
    "task_queue",
    "run_number",
    "run_count",
    "workflow_count",
    "is_current_run",
    "compatibility",
    "started_at",
    "closed_at",
    "last_progress_at",
    "wait_kind",
    "wait_reason",
    "next_page_token",
    "command_id",
    "command_status",
    "command_source",
    "target_scope",
    "outcome",
    "reason",
    "rejection_reason",
    "validation_errors",
    "result",
    "result_envelope",
    "update_id",
    "update_status",
    "wait_for",
    "wait_timed_out",
    "wait_timeout_seconds",
    "blocked_reason",
    "message",
    "diagnostic_status",
)


class Operation(msgspec.Struct, frozen=True):
    """What the ``control_plane`` object says of one operation."""

    required_fields: list[str]
    success_fields: list[str]
    operation_name_field: str | None = None


OPERATIONS: Final[dict[str, Operation]] = {
    "list": Operation([], []),
    "start": Operation([], ["workflow_id", "outcome"]),
    "describe": Operation(["workflow_id"], []),
    "list_runs": Operation(["workflow_id"], []),
    "describe_run": Operation(["workflow_id"], ["run_id"]),
    "debug_workflow": Operation(["workflow_id"], ["run_id", "diagnostic_status"]),
    "history": Operation(["workflow_id", "run_id"], ["next_page_token"]),
    "signal": Operation(_NAMED, ["outcome"], "signal_name"),
    "query": Operation(_NAMED, ["result"], "query_name"),
    "update": Operation(_NAMED, ["outcome"], "update_name"),
    "cancel": Operation(["workflow_id"], ["outcome"]),
    "terminate": Operation(["workflow_id"], ["outcome"]),
    "repair": Operation(["workflow_id"], ["outcome"]),
    "archive": Operation(["workflow_id"], ["outcome"]),
}


def response_contract() -> dict[str, Any]:
    """The response contract as cluster info publishes it."""
    return {
        "schema": "durable-workflow.v2.control-plane-response",
        "version": 1,
        "contract": CONTRACT,
        "projected_fields": list(PROJECTED_FIELDS),
        "operations": {
            name: {
                "operation_name_field": operation.operation_name_field,
                "required_fields": operation.required_fields,
                "success_fields": operation.success_fields,
            }
            for name, operation in OPERATIONS.items()
        },
    }
