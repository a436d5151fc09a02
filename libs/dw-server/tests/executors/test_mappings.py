"""What a mapping adds to the task that it matches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from durable_workflow.server.executors import load

Written = Callable[[Any], str]


def test_an_invocable_carrier_is_told_how_to_call(
    document: dict[str, Any], written: Written
) -> None:
    mapping = load(written(document)).of_activity("billing", "billing.charge-card")
    assert mapping is not None
    assert mapping.document("t-1", "a-1") == {
        "schema": "durable-workflow.external-executor.config.mapping",
        "version": 1,
        "name": "charge",
        "kind": "activity",
        "activity_type": "billing.charge-card",
        "task_queue": "billing",
        "handler": "charge",
        "carrier": {
            "name": "lambda",
            "type": "invocable_http",
            "target": {"url": "https://fn.example/run", "method": "POST", "timeout_seconds": 30},
        },
        "auth_ref": "prod",
        "auth": {"type": "env", "token_env": "redacted"},
        "rollout": None,
        "metadata": None,
        "dispatch": {
            "state": "poll_delivered",
            "carrier_type": "invocable_http",
            "method": "POST",
            "request_content_type": "application/vnd.durable-workflow.external-task-input+json",
            "response_content_type": "application/vnd.durable-workflow.external-task-result+json",
            "timeout_seconds": 30,
            "task_deadline_fields": [
                "task.deadlines.schedule_to_start",
                "task.deadlines.start_to_close",
                "task.deadlines.schedule_to_close",
                "task.deadlines.heartbeat",
            ],
            "idempotency_key": "a-1",
            "idempotency_key_source": "task.activity_attempt_id",
            "retry_authority": "activity_retry_policy",
            "transport_retry_policy": {
                "max_attempts": 2,
                "backoff_seconds": [1],
                "retryable_status_codes": [429, 503],
                "authority": "carrier_transport_only",
                "durable_retry_boundary": "activity_retry_policy_after_result_reporting",
            },
            "failure_mapping": {
                "transport_timeout": "failure.kind=timeout classification=deadline_exceeded",
                "non_2xx_without_valid_envelope": "malformed_output",
                "invalid_json": "malformed_output",
                "schema_mismatch": "malformed_output",
                "unsupported_payload_reference": "unsupported_payload",
            },
            "result_reporting": {
                "complete_path": "/api/worker/activity-tasks/t-1/complete",
                "fail_path": "/api/worker/activity-tasks/t-1/fail",
                "ownership_fields": ["activity_attempt_id", "lease_owner"],
            },
        },
    }


def test_what_is_not_said_of_retries_has_the_defaults(
    document: dict[str, Any], written: Written
) -> None:
    carrier = document["carriers"]["lambda"]
    del carrier["retry_policy"], carrier["timeout_seconds"], carrier["method"]
    mapping = load(written(document)).of_activity("billing", "billing.charge-card")
    assert mapping is not None
    found = mapping.document("t", "a")
    assert found["carrier"]["target"]["method"] == "POST"
    dispatch = found["dispatch"]
    assert dispatch["timeout_seconds"] is None
    policy = dispatch["transport_retry_policy"]
    assert (policy["max_attempts"], policy["backoff_seconds"]) == (1, [])
    assert policy["retryable_status_codes"] == [408, 429, 500, 502, 503, 504]


def test_other_carriers_have_no_dispatch_and_no_secret_is_shown(
    document: dict[str, Any], written: Written
) -> None:
    mapping = load(written(document), "moved").of_activity("shipping", "ship")
    assert mapping is not None
    found = mapping.document("t", "a")
    assert "dispatch" not in found
    assert found["carrier"]["target"] == {"command": ["run"], "env": {"API_TOKEN": "redacted"}}
    assert found["metadata"] == {"team": "shipping", "Signature": "redacted"}
    assert found["rollout"] == {"percent": 10}
    assert "hush" not in json.dumps(found)


def test_queue_and_type_must_both_match_and_the_first_mapping_counts(
    document: dict[str, Any], written: Written
) -> None:
    document["mappings"].append(document["mappings"][0] | {"name": "again", "handler": "other"})
    executors = load(written(document))
    assert executors.of_activity("billing", "other") is None
    assert executors.of_activity("other", "billing.charge-card") is None
    mapping = executors.of_activity("billing", "billing.charge-card")
    assert mapping is not None
    assert mapping.document("t", "a")["name"] == "charge"
