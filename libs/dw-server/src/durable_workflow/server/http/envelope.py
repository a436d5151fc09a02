"""The members that every answer of a plane has besides its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from durable_workflow._protocol import PROTOCOL_VERSION
from durable_workflow.server.api.manifests import CONTRACT, OPERATIONS, PROJECTED_FIELDS

_CONTRACTS: Final = {
    name: {
        **CONTRACT,
        "required_fields": operation.required_fields,
        "success_fields": operation.success_fields,
    }
    for name, operation in OPERATIONS.items()
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
    """Adds the common members to answers of the worker plane.

    They are a kilobyte that never changes, so they are encoded once and spliced into each answer.

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
    """A refusal of the worker plane. Older workers read its message from ``error``."""
    if "message" in body and "error" not in body:
        return {"error": body["message"], **body}
    return dict(body)
