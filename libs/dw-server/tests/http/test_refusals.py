"""The status of each reply, which stands in one table."""

from __future__ import annotations

import pytest

from durable_workflow.server.http.refusals import retry_after, status_of
from durable_workflow.server.replies import Form, Reply


@pytest.mark.parametrize(("form", "status"), [("done", 200), ("created", 201), ("accepted", 202)])
def test_what_was_done_has_the_status_of_its_form(form: Form, status: int) -> None:
    assert status_of(Reply({}, form=form), "start_workflow") == status
    assert status_of(Reply({}, form=form, reason="run_not_active"), "start_workflow") == 409


@pytest.mark.parametrize(
    ("operation", "reason", "status"),
    [
        (None, "not_found", 404),
        (None, "method_not_allowed", 405),
        ("start_workflow", "unauthorized", 401),
        ("start_workflow", "forbidden", 403),
        ("start_workflow", "duplicate_not_allowed", 409),
        ("start_workflow", "validation_failed", 422),
        ("start_workflow", "server_error", 500),
        ("start_workflow", "store_unavailable", 503),
        # As a gateway's: it may have been done, so clients do not repeat it by themselves.
        ("start_workflow", "outcome_unknown", 504),
        ("describe_workflow", "instance_not_found", 404),
        ("signal_workflow", "run_not_active", 409),
        ("signal_workflow", "structural_limit_exceeded", 409),
        ("update_workflow", "update_failed", 422),
        ("update_workflow", "update_rejected", 409),
        ("update_workflow", "unknown_update", 404),
        ("query_workflow", "query_rejected", 409),
        ("query_workflow", "query_worker_timeout", 504),
        ("poll_workflow_task", "worker_not_registered", 412),
        ("poll_workflow_task", "too_many_polls", 429),
        ("heartbeat_worker", "worker_not_registered", 404),
        ("complete_workflow_task", "lease_expired", 409),
        ("complete_workflow_task", "structural_limit_exceeded", 422),
        ("read_workflow_task_history", "invalid_page_token", 400),
        ("check_health", "degraded", 503),
        ("check_readiness", "not_ready", 503),
    ],
)
def test_a_reason_has_its_status(operation: str | None, reason: str, status: int) -> None:
    assert status_of(Reply({}, reason=reason), operation) == status


def test_a_time_is_named_where_the_same_request_may_be_served_later() -> None:
    assert [status for status in range(200, 600) if retry_after(status) is not None] == [429, 503]
