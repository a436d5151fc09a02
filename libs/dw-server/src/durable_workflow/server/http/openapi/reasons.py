"""Why each operation may be refused: words of the wire, besides those that hold for all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from durable_workflow.server.api import Operation
from durable_workflow.server.fields import (
    Arguments,
    Commands,
    Details,
    Envelope,
    Inside,
    Kind,
    Result,
    Together,
    table_of,
)
from durable_workflow.server.http.routing import Route

_OWNER: Final = (
    "task_not_found",
    "task_not_leased",
    "lease_owner_mismatch",
    "lease_expired",
    "workflow_task_attempt_mismatch",
    "run_closed",
)
_ATTEMPT: Final = (
    "task_not_found",
    "attempt_not_found",
    "task_not_leased",
    "task_mismatch",
    "lease_owner_mismatch",
    "lease_expired",
    "stale_attempt",
)
_REPORT: Final = (*_ATTEMPT, "run_cancelled", "run_terminated", "run_closed")
_QUERY: Final = (
    "query_task_not_found",
    "query_task_not_leased",
    "lease_owner_mismatch",
    "lease_expired",
    "query_task_attempt_mismatch",
)
_POLL: Final = (
    "worker_not_registered",
    "worker_deregistered",
    "task_queue_mismatch",
    "build_id_mismatch",
    "too_many_polls",
)
_TARGET: Final = ("instance_not_found", "historical_run_command_rejected", "run_not_found")
_ENDED: Final = (*_TARGET, "run_not_active")
_SCHEDULE: Final = ("schedule_not_found",)
_NAMESPACE: Final = ("namespace_not_found",)

_SPECIFIC: Final[dict[str, tuple[str, ...]]] = {
    "check_health": ("degraded",),
    "check_readiness": ("not_ready",),
    "create_namespace": ("namespace_already_exists",),
    "describe_namespace": _NAMESPACE,
    "update_namespace": _NAMESPACE,
    "delete_namespace": (*_NAMESPACE, "default_namespace_protected"),
    "set_external_storage": _NAMESPACE,
    "probe_storage": (
        "external_storage_not_configured",
        "external_storage_disabled",
        "storage_driver_unavailable",
    ),
    "describe_worker": ("worker_not_found",),
    "remove_worker": ("worker_not_found",),
    "create_search_attribute": (
        "name_reserved",
        "attribute_already_exists",
        "search_attribute_limit_reached",
    ),
    "delete_search_attribute": ("system_attribute", "attribute_not_found"),
    "create_schedule": ("schedule_already_exists", "memo_too_large"),
    "update_schedule": (*_SCHEDULE, "memo_too_large"),
    "describe_schedule": _SCHEDULE,
    "delete_schedule": _SCHEDULE,
    "pause_schedule": _SCHEDULE,
    "resume_schedule": (*_SCHEDULE, "schedule_not_paused"),
    "trigger_schedule": _SCHEDULE,
    "backfill_schedule": (*_SCHEDULE, "invalid_time_range"),
    "read_schedule_history": (*_SCHEDULE, "invalid_after_sequence"),
    "start_workflow": ("duplicate_not_allowed",),
    "list_workflows": ("query_too_broad",),
    "describe_workflow": ("instance_not_found", "run_not_found", "too_many_polls"),
    "list_runs": ("instance_not_found",),
    "read_history": ("instance_not_found", "run_not_found", "too_many_polls"),
    "export_history": ("instance_not_found", "run_not_found"),
    "debug_workflow": ("instance_not_found", "run_not_found"),
    "signal_workflow": (
        *_ENDED,
        "unknown_signal",
        "structural_limit_exceeded",
        "invalid_signal_arguments",
    ),
    "query_workflow": (
        *_TARGET,
        "query_not_found",
        "rejected_unknown_query",
        "invalid_query_arguments",
        "query_rejected",
        "query_worker_unavailable",
        "query_worker_incompatible",
        "query_workflow_state_unavailable",
        "query_task_queue_full",
        "query_task_queue_unavailable",
        "query_worker_timeout",
    ),
    "update_workflow": (
        *_ENDED,
        "unknown_update",
        "update_rejected",
        "structural_limit_exceeded",
        "invalid_update_arguments",
        "too_many_polls",
    ),
    "cancel_workflow": _ENDED,
    "terminate_workflow": _ENDED,
    "repair_workflow": _ENDED,
    "archive_workflow": (*_TARGET, "run_not_closed"),
    "start_activity": ("duplicate_not_allowed",),
    "describe_activity": ("instance_not_found", "too_many_polls"),
    "register_worker": ("workflow_definition_changed", "worker_deregistered"),
    "heartbeat_worker": ("worker_not_registered", "worker_deregistered", "too_many_polls"),
    "open_stream": ("upgrade_required",),
    "poll_workflow_task": _POLL,
    "poll_activity_task": _POLL,
    "poll_query_task": (*_POLL, "query_task_queue_unavailable"),
    "read_workflow_task_history": (*_OWNER, "invalid_page_token", "history_not_available"),
    "complete_workflow_task": (*_OWNER, "invalid_commands", "structural_limit_exceeded"),
    "fail_workflow_task": _OWNER,
    "heartbeat_workflow_task": _OWNER,
    "complete_activity_task": _REPORT,
    "fail_activity_task": _REPORT,
    "heartbeat_activity_task": _ATTEMPT,
    "complete_query_task": _QUERY,
    "fail_query_task": _QUERY,
}
_KINDS_OF_PAYLOADS: Final = (Arguments, Result, Details, Commands, Envelope)


def of(route: Route, operation: Operation[Any]) -> list[str]:
    """The reasons for which a route may refuse, once each."""
    found = [*_of_body(route), *_SPECIFIC.get(route.operation, ())]
    if "{" in route.path:
        found.append("not_found")  # where a part of the path is not UTF-8
    if operation.roles:
        found += ["unauthorized", "forbidden"]
    if route.versioned:
        name = "protocol_version" if route.plane == "worker" else "control_plane_version"
        found += [f"missing_{name}", f"unsupported_{name}"]
    if operation.namespaced:
        found.append("namespace_not_found")
    if operation.unread is None and (table_of(operation.asks).rows or route.method != "GET"):
        found.append("validation_failed")
    if any(isinstance(kind, _KINDS_OF_PAYLOADS) for kind in _kinds(operation.asks)):
        found.append("external_payload_unavailable")
    found += ["server_error", "server_busy", "store_unavailable", "outcome_unknown"]
    return list(dict.fromkeys(found))


def _of_body(route: Route) -> list[str]:
    if route.method == "GET":
        return ["payload_too_large", "request_timeout"]
    return ["malformed_json", "unsupported_media_type", "payload_too_large", "request_timeout"]


def _kinds(asks: type[Any]) -> Iterator[Kind]:
    for row in table_of(asks).rows:
        yield row.kind
        if isinstance(row.kind, Inside | Together):
            yield from _kinds(row.kind.into)
