"""What a matching mapping adds to an activity task: `external_executor` (replay 12.5).

The server does not call carriers. It says with the task what a carrier needs that polled for it:
where the endpoint is, how it is called, and how its response is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from durable_workflow.external_task_input import EXTERNAL_TASK_INPUT_MEDIA_TYPE
from durable_workflow.external_task_result import EXTERNAL_TASK_RESULT_MEDIA_TYPE
from durable_workflow.server.executors import _targets as targets
from durable_workflow.server.executors._redaction import redacted
from durable_workflow.server.executors._validation import auth_ref_of, task_queue_of

SCHEMA: Final = "durable-workflow.external-executor.config.mapping"
VERSION: Final = 1
_DEADLINES: Final = ("schedule_to_start", "start_to_close", "schedule_to_close", "heartbeat")
# What of a carrier is not where to call it.
_NOT_TARGET: Final = frozenset({"type", "capabilities", "auth_ref", "retry_policy"})
_FAILURES: Final = {
    "transport_timeout": "failure.kind=timeout classification=deadline_exceeded",
    "non_2xx_without_valid_envelope": "malformed_output",
    "invalid_json": "malformed_output",
    "schema_mismatch": "malformed_output",
    "unsupported_payload_reference": "unsupported_payload",
}


class ActivityMapping:
    """What one mapping adds to the tasks that it matches. Nothing in it may be changed.

    Args:
        fixed: What is the same for all tasks.
        dispatch: What is the same of how an invocable carrier calls its endpoint; None for
            carriers of other types.
    """

    def __init__(self, fixed: Mapping[str, Any], dispatch: Mapping[str, Any] | None) -> None:
        self._fixed = fixed
        self._dispatch = dispatch

    def document(self, task_id: str, attempt_id: str | None) -> dict[str, Any]:
        """The `external_executor` of one attempt."""
        if self._dispatch is None:
            return dict(self._fixed)
        path = f"/api/worker/activity-tasks/{task_id}"
        dispatch = {
            **self._dispatch,
            "idempotency_key": attempt_id,
            "result_reporting": {
                "complete_path": f"{path}/complete",
                "fail_path": f"{path}/fail",
                "ownership_fields": ["activity_attempt_id", "lease_owner"],
            },
        }
        return {**self._fixed, "dispatch": dispatch}


def activity_mapping(mapping: Mapping[str, Any], document: Mapping[str, Any]) -> ActivityMapping:
    """Read a mapping of the kind `activity` of a document that is valid."""
    defaults = document.get("defaults", {})
    carrier = document["carriers"][mapping["carrier"]]
    auth_ref = auth_ref_of(mapping, carrier, defaults)
    is_invocable = carrier["type"] == targets.INVOCABLE_HTTP
    target = {name: member for name, member in carrier.items() if name not in _NOT_TARGET}
    if is_invocable:
        target["method"] = targets.METHOD
    fixed = {
        "schema": SCHEMA,
        "version": VERSION,
        "name": mapping["name"],
        "kind": mapping["kind"],
        "activity_type": mapping["activity_type"],
        "task_queue": task_queue_of(mapping, defaults),
        "handler": mapping["handler"],
        "carrier": {"name": mapping["carrier"], "type": carrier["type"], "target": target},
        "auth_ref": auth_ref,
        "auth": None if auth_ref is None else document["auth_refs"][auth_ref],
        "rollout": mapping.get("rollout"),
        "metadata": mapping.get("metadata"),
    }
    return ActivityMapping(redacted(fixed), _dispatch(carrier) if is_invocable else None)


def _dispatch(carrier: Mapping[str, Any]) -> dict[str, Any]:
    policy: Mapping[str, Any] = carrier.get("retry_policy") or {}
    codes = policy.get("retryable_status_codes")
    return {
        "state": "poll_delivered",
        "carrier_type": targets.INVOCABLE_HTTP,
        "method": targets.METHOD,
        "request_content_type": EXTERNAL_TASK_INPUT_MEDIA_TYPE,
        "response_content_type": EXTERNAL_TASK_RESULT_MEDIA_TYPE,
        "timeout_seconds": carrier.get("timeout_seconds"),
        "task_deadline_fields": [f"task.deadlines.{name}" for name in _DEADLINES],
        "idempotency_key_source": "task.activity_attempt_id",
        "retry_authority": "activity_retry_policy",
        "transport_retry_policy": {
            "max_attempts": policy.get("max_attempts") or targets.MAX_ATTEMPTS_DEFAULT,
            "backoff_seconds": list(policy.get("backoff_seconds") or ()),
            "retryable_status_codes": list(
                targets.RETRYABLE_STATUS_CODES_DEFAULT if codes is None else codes
            ),
            "authority": "carrier_transport_only",
            "durable_retry_boundary": "activity_retry_policy_after_result_reporting",
        },
        "failure_mapping": dict(_FAILURES),
    }
