"""Headers and logins of the document."""

from __future__ import annotations

from typing import Any, Final

from durable_workflow._protocol import CONTROL_PLANE_VERSION, PROTOCOL_VERSION
from durable_workflow._wire import headers
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.api import Operation
from durable_workflow.server.http.routing import Plane, Route

# A login is one of the two, as the server's driver wants it.
SECURITY: Final[dict[str, JsonObject]] = {
    "token": {"type": "http", "scheme": "bearer"},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Signature",
        "description": "The hex HMAC-SHA256 of the body.",
    },
}

_VERSION_NAMES: Final[dict[Plane, str]] = {
    "control": headers.CONTROL_PLANE_VERSION_HEADER,
    "worker": headers.PROTOCOL_VERSION_HEADER,
}
_HELD: Final = ("start_workflow", "describe_workflow", "describe_activity")
_ONCE: Final = (
    "start_workflow",
    "start_activity",
    "cancel_workflow",
    "terminate_workflow",
    "repair_workflow",
    "archive_workflow",
    "create_schedule",
    "update_schedule",
    "delete_schedule",
    "pause_schedule",
    "resume_schedule",
    "trigger_schedule",
    "backfill_schedule",
    "create_search_attribute",
    "delete_search_attribute",
    "create_namespace",
    "remove_worker",
)


def _header(name: str, schema: JsonObject, about: str, *, required: bool = False) -> JsonObject:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": about,
        "schema": schema,
    }


PARAMETERS: Final[dict[str, JsonObject]] = {
    "ControlPlaneVersion": _header(
        _VERSION_NAMES["control"],
        {"type": "string", "enum": [CONTROL_PLANE_VERSION]},
        "The version of the control plane that the caller speaks.",
        required=True,
    ),
    "ProtocolVersion": _header(
        _VERSION_NAMES["worker"],
        {"type": "string", "enum": ["1.0", PROTOCOL_VERSION]},
        "The version of the worker protocol that the caller speaks.",
        required=True,
    ),
    "Namespace": _header(
        headers.NAMESPACE,
        {"type": "string", "examples": ["default"]},
        "The namespace that the request is about; the server's default one without it.",
    ),
    "Wait": _header(
        headers.PREFER,
        {"type": "string", "examples": ["wait=30", "wait=30, return=minimal"]},
        "`wait=N` holds the answer until the run is closed, N seconds at most.",
    ),
    "IdempotencyKey": _header(
        headers.IDEMPOTENCY_KEY,
        {"type": "string", "maxLength": 255},
        "What comes again with this key is answered as it was the first time.",
    ),
    "RequestId": _header(
        "X-Request-Id",
        {"type": "string"},
        "What the log names the request by, if it is up to 128 visible ASCII characters.",
    ),
}

HEADERS: Final[dict[str, JsonObject]] = {
    "ControlPlaneVersion": {
        "description": "The version of the control plane that the server speaks.",
        "required": True,
        "schema": {"type": "string", "enum": [CONTROL_PLANE_VERSION]},
    },
    "ProtocolVersion": {
        "description": "The version of the worker protocol that the server speaks.",
        "required": True,
        "schema": {"type": "string", "enum": [PROTOCOL_VERSION]},
    },
    "RequestId": {
        "description": "The id of the request in the server's log.",
        "schema": {"type": "string"},
    },
    "RetryAfter": {
        "description": "Seconds after which the same request may be served.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "PreferenceApplied": {
        "description": "What of the caller's preferences was granted.",
        "schema": {"type": "string"},
    },
}


def wanted(route: Route, operation: Operation[Any]) -> list[str]:
    """The parameters in headers that a route reads."""
    found = ["RequestId"]
    if route.versioned:
        found.append("ProtocolVersion" if route.plane == "worker" else "ControlPlaneVersion")
    if operation.namespaced:
        found.append("Namespace")
    if route.operation in _HELD:
        found.append("Wait")
    if route.operation in _ONCE:
        found.append("IdempotencyKey")
    return found


def answered(route: Route, status: int) -> JsonObject:
    """The headers of an answer."""
    if route.operation == "show_figures" and status < 300:
        return {}  # A page for others than our clients.
    plane = "ProtocolVersion" if route.plane == "worker" else "ControlPlaneVersion"
    names = {_VERSION_NAMES[route.plane]: plane, "X-Request-Id": "RequestId"}
    if status in (429, 503):
        names["Retry-After"] = "RetryAfter"
    if route.operation in _HELD and status < 300:
        names[headers.PREFERENCE_APPLIED] = "PreferenceApplied"
    return {name: {"$ref": f"#/components/headers/{each}"} for name, each in names.items()}
