"""Children: how their end reaches the step that they are, and what a closed parent does to them."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.engine import children
from durable_workflow.server.engine.decision import ParentOutcome

Json = dict[str, Any]
RETRIES = {"max_attempts": 2, "backoff_seconds": [3], "non_retryable_error_types": ["Fatal"]}


def blocked(given: Any) -> Any:
    return given.run(batch_first=4, batch_size=1, batch_open=1, pending_children=1)


@pytest.mark.parametrize(
    ("status", "event_type"),
    [
        ("completed", "ChildRunCompleted"),
        ("failed", "ChildRunFailed"),
        ("cancelled", "ChildRunCancelled"),
        ("terminated", "ChildRunTerminated"),
    ],
)
def test_the_end_of_a_child_is_the_outcome_of_its_step(
    given: Any, decide: Any, status: str, event_type: str
) -> None:
    decided = decide(
        children.resolve,
        blocked(given),
        given.link(),
        ParentOutcome(status, "why", {"message": "m"}),
        given.child(),
        None,
        given.now,
        given.ids(),
        [],
    )
    assert decided.types == [event_type]
    said = decided.payloads[0]
    assert (said["child_status"], said["closed_reason"], said["message"]) == (status, "why", "m")
    assert (decided.run.pending_children, decided.run.task_status) == (0, "ready")
    assert [link.status for link in decided.decision.child_links] == [status]


@pytest.mark.parametrize(
    ("policy", "attempts", "outcome", "again"),
    [
        (None, 1, {}, False),
        (RETRIES, 1, {}, True),
        (RETRIES, 2, {}, False),
        (RETRIES, 1, {"status": "cancelled"}, False),
        (RETRIES, 1, {"retryable": False}, False),
        (RETRIES, 1, {"payload": {"exception_type": "Fatal"}}, False),
        (RETRIES, 1, {"payload": {"exception_class": "Fatal"}}, False),
    ],
)
def test_which_failures_of_a_child_are_tried_again(
    given: Any, policy: Json | None, attempts: int, outcome: Json, again: bool
) -> None:
    link = given.link(policy, attempts=attempts)
    failed: Json = {"status": "failed", "closed_reason": "failed", "payload": {}}
    assert children.may_retry(link, ParentOutcome(**failed | outcome)) is again


def test_a_retry_is_a_further_run_of_the_same_step(given: Any, decide: Any) -> None:
    decided = decide(
        children.resolve,
        blocked(given),
        given.link(RETRIES),
        ParentOutcome("failed", "failed", {}),
        given.child(priority=2, run_number=4),
        given.details("child-run", memo={"a": 1}),
        given.now,
        given.ids(),
        [],
    )
    assert decided.types == ["ChildRunStarted"]
    assert decided.changed == {}
    (again,) = decided.decision.started
    assert (again.run.run_number, again.run.priority, again.run.link_id) == (5, 2, "link")
    assert again.run.task_available_at == given.now + 3 * given.second
    assert again.created is not None
    assert again.created.memo == {"a": 1}
    (link,) = decided.decision.child_links
    assert (link.child_run_id, link.attempts, link.status) == (again.run.run_id, 2, "pending")


def test_a_child_that_goes_on_as_new_is_still_the_same_step(given: Any, decide: Any) -> None:
    following = given.child(run_id="next", run_number=2, workflow_type="other")
    decided = decide(
        children.continued, blocked(given), given.link(), following, given.now, given.ids()
    )
    assert decided.types == ["ChildRunStarted"]
    assert decided.payloads[0]["child_workflow_type"] == "child"
    (link,) = decided.decision.child_links
    assert (link.child_run_id, link.child_run_number, link.status) == ("next", 2, "pending")


@pytest.mark.parametrize(
    ("policy", "error", "event_type", "status"),
    [
        ("abandon", None, "ParentClosePolicyApplied", "abandoned"),
        ("request_cancel", None, "ParentClosePolicyApplied", "cancelled"),
        ("terminate", "no", "ParentClosePolicyFailed", "cancelled"),
    ],
)
def test_a_closed_parent_notes_what_became_of_its_children(
    given: Any, decide: Any, policy: str, error: str | None, event_type: str, status: str
) -> None:
    decided = decide(
        children.policy_applied,
        given.run(status="failed", closed_reason="failed", closed_at=given.now),
        given.link(parent_close_policy=policy),
        given.now,
        given.ids(),
        error=error,
    )
    assert decided.types == [event_type]
    assert decided.payloads[0]["reason"] == "parent closed: failed"
    assert [link.status for link in decided.decision.child_links] == [status]
