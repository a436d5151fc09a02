"""Which status a reply has, done or refused (control-plane 1.12, worker-protocol 2 to 5)."""

from __future__ import annotations

from typing import Final

from durable_workflow.server.replies import Form, Reply

_REASONS: Final[dict[int, tuple[str, ...]]] = {
    400: (
        "missing_control_plane_version",
        "unsupported_control_plane_version",
        "missing_protocol_version",
        "unsupported_protocol_version",
        "malformed_json",
        "unknown_message",
        "invalid_page_token",
    ),
    401: ("unauthorized",),
    403: ("forbidden",),
    404: (
        "not_found",
        "namespace_not_found",
        "instance_not_found",
        "run_not_found",
        "unknown_signal",
        "unknown_update",
        "query_not_found",
        "rejected_unknown_query",
        "schedule_not_found",
        "worker_not_found",
        "attribute_not_found",
        "task_not_found",
        "attempt_not_found",
        "query_task_not_found",
        "history_not_available",
    ),
    405: ("method_not_allowed",),
    408: ("request_timeout",),
    412: ("worker_not_registered",),
    413: ("payload_too_large",),
    415: ("unsupported_media_type",),
    426: ("upgrade_required",),
    422: (
        "validation_failed",
        "update_failed",
        "invalid_signal_arguments",
        "invalid_query_arguments",
        "invalid_update_arguments",
        "memo_too_large",
        "query_too_broad",
        "invalid_time_range",
        "invalid_after_sequence",
        "search_attribute_limit_reached",
        "external_storage_not_configured",
        "external_storage_disabled",
        "storage_driver_unavailable",
    ),
    429: ("query_task_queue_full", "too_many_polls"),
    500: ("server_error",),
    503: (
        "degraded",
        "external_payload_unavailable",
        "not_ready",
        "query_task_queue_unavailable",
        "server_busy",
        "store_unavailable",
    ),
    504: (
        "query_worker_timeout",
        "query_worker_execution_timeout",
        "query_task_not_claimed",
        "outcome_unknown",
    ),
}
_STATUS: Final = {reason: status for status, reasons in _REASONS.items() for reason in reasons}
# Operations in which a reason has another status.
_EXCEPTIONS: Final = {
    ("heartbeat_worker", "worker_not_registered"): 404,
    ("complete_workflow_task", "structural_limit_exceeded"): 422,
}
# A reason without a row is a conflict with the present state: leases, duplicates, closed runs.
_CONFLICT: Final = 409
_DONE: Final[dict[Form, int]] = {
    "done": 200,
    "created": 201,
    "accepted": 202,
    "rejected": 422,
    "partial": 207,
}
# Long enough for a few other answers to finish, short enough that nobody notices.
_RETRY_AFTER_SECONDS: Final = 1


def status_of(reply: Reply, operation: str | None) -> int:
    """The status of a reply.

    Args:
        operation: What was asked; None where that is not known.
    """
    if reply.reason is None:
        return _DONE[reply.form]
    if operation is not None and (operation, reply.reason) in _EXCEPTIONS:
        return _EXCEPTIONS[operation, reply.reason]
    return _STATUS.get(reply.reason, _CONFLICT)


def retry_after(status: int) -> int | None:
    """Seconds after which the same request may be served, where there is hope."""
    return _RETRY_AFTER_SECONDS if status in (429, 503) else None
