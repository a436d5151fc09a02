"""What every answer of a plane carries besides its own members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from durable_workflow._protocol import PROTOCOL_VERSION

_CONTRACT: Final[dict[str, Any]] = {
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

_CONTRACTS: Final = {
    name: {
        **_CONTRACT,
        "required_fields": operation.required_fields,
        "success_fields": operation.success_fields,
    }
    for name, operation in OPERATIONS.items()
}


def response_contract() -> dict[str, Any]:
    """The response contract as cluster info publishes it."""
    return {
        "schema": "durable-workflow.v2.control-plane-response",
        "version": 1,
        "contract": _CONTRACT,
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


def with_control_plane(
    body: Mapping[str, Any], operation: str, names: Mapping[str, str]
) -> dict[str, Any]:
    """A body of a workflow route, refusal or not, with its ``control_plane`` object.

    Args:
        names: Parameters of the path; ids among them are put into the body where it lacks them.
    """
    dressed = {**{key: names[key] for key in ("workflow_id", "run_id") if key in names}, **body}
    control_plane: dict[str, Any] = {
        "schema": "durable-workflow.v2.control-plane-response",
        "version": 1,
        "operation": operation,
        "workflow_id": dressed.get("workflow_id"),
        "contract": _CONTRACTS[operation],
    }
    field = OPERATIONS[operation].operation_name_field
    if field is not None:
        control_plane["operation_name"] = names.get(field)
        control_plane["operation_name_field"] = field
    for name in PROJECTED_FIELDS:
        if name in dressed:
            control_plane[name] = dressed[name]
    dressed["control_plane"] = control_plane
    return dressed


class WorkerEnvelope:
    """Adds to answers of the worker plane what all of them say.

    It is a kilobyte that never changes, so it is encoded once and spliced into each answer.

    Attributes:
        size: Bytes that it adds.
    """

    def __init__(self, server_capabilities: Mapping[str, Any]) -> None:
        common = {"protocol_version": PROTOCOL_VERSION, "server_capabilities": server_capabilities}
        self._tail = msgspec.json.encode(common)[1:]
        self.size = len(self._tail)

    def wrap(self, body: bytes) -> bytes:
        """The encoded object `body` with the common members at its end."""
        return body[:-1] + (b"" if body == b"{}" else b",") + self._tail


def with_prose(body: Mapping[str, Any]) -> dict[str, Any]:
    """A refusal of the worker plane: older workers look for its prose under ``error``."""
    if "message" in body and "error" not in body:
        return {"error": body["message"], **body}
    return dict(body)
