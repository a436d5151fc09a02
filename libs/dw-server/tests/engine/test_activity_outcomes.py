"""How an attempt of an activity ends: a result, another attempt, a failure, a time-out."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.engine import activity_outcomes
from durable_workflow.server.engine.activity_outcomes import Failure

Json = dict[str, Any]
RETRIES = {"max_attempts": 3, "backoff_seconds": [1, 5], "non_retryable_error_types": ["Fatal"]}


def blocked(given: Any) -> Any:
    return given.run(batch_first=4, batch_size=1, batch_open=1, pending_activities=1)


@pytest.mark.parametrize(
    ("result", "recorded", "codec"),
    [
        ({"codec": "avro", "blob": "b"}, "b", "avro"),
        ({"codec": "zip", "external_storage": {}}, {"codec": "zip", "external_storage": {}}, "zip"),
        ("plain", "plain", "json"),
        (None, None, "json"),
    ],
)
def test_a_result_is_recorded_with_its_codec_and_wakes_the_run(
    given: Any, decide: Any, result: Any, recorded: Any, codec: str
) -> None:
    decided = decide(
        activity_outcomes.complete,
        blocked(given),
        given.running(),
        given.now,
        given.ids(),
        result=result,
        payload_limit=100,
        held=[],
    )
    assert decided.types == ["ActivityCompleted"]
    assert (decided.payloads[0]["result"], decided.payloads[0]["payload_codec"]) == (
        recorded,
        codec,
    )
    assert (decided.run.pending_activities, decided.run.task_status) == (0, "ready")
    assert decided.decision.activities[0].status == "completed"


@pytest.mark.parametrize(("limit", "fails"), [(3, True), (4, False), (0, False)])
def test_a_result_over_the_limit_is_a_failure_that_is_not_retried(
    given: Any, decide: Any, limit: int, fails: bool
) -> None:
    decided = decide(
        activity_outcomes.complete,
        blocked(given),
        given.running(RETRIES),
        given.now,
        given.ids(),
        result={"codec": "json", "blob": "1234"},
        payload_limit=limit,
        held=[],
    )
    assert decided.types == ["ActivityFailed" if fails else "ActivityCompleted"]
    if fails:
        assert decided.payloads[0]["failure_category"] == "structural_limit"
        assert decided.payloads[0]["non_retryable"]


@pytest.mark.parametrize(
    ("policy", "attempt", "failure", "delay"),
    [
        (None, 1, {}, None),
        (RETRIES, 1, {}, 1),
        (RETRIES, 2, {}, 5),
        (RETRIES, 3, {}, None),
        (RETRIES, 1, {"non_retryable": True}, None),
        (RETRIES, 1, {"type": "Fatal"}, None),
        (RETRIES, 1, {"type": "Other"}, 1),
    ],
)
def test_a_failure_is_tried_again_while_the_policy_says_so(
    given: Any, decide: Any, policy: Json | None, attempt: int, failure: Json, delay: int | None
) -> None:
    decided = decide(
        activity_outcomes.fail,
        blocked(given),
        given.running(policy, attempt_count=attempt),
        given.now,
        given.ids(),
        failure=Failure("no", **failure),
        held=[],
    )
    (after,) = decided.decision.activities
    if delay is None:
        assert decided.types == ["ActivityFailed"]
        assert (after.status, decided.run.task_status) == ("failed", "ready")
        return
    assert decided.types == ["ActivityRetryScheduled"]
    assert decided.payloads[0]["retry_backoff_seconds"] == delay
    assert (after.status, after.task_status, after.attempt_id) == ("pending", "ready", None)
    assert after.available_at == given.now + delay * given.second
    assert decided.decision.created_task_ids == [after.task_id] != ["act-task"]
    assert [past.status for past in decided.decision.attempts] == ["failed"]
    assert decided.changed == {}


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ({"type": "T"}, {"message": "no", "code": 0, "type": "T"}),
        ({"non_retryable": True}, {"message": "no", "code": 0, "non_retryable": True}),
        (
            {"type": "T", "details": {"codec": "odd", "blob": "b"}},
            {
                "message": "no",
                "code": 0,
                "type": "T",
                "details": "b",
                "details_payload_codec": "odd",
            },
        ),
        ({"details": {"a": 1}}, {"message": "no", "code": 0, "details": {"a": 1}}),
        ({"stack_trace": "at x"}, {"message": "no", "code": 0, "stack_trace": "at x"}),
    ],
)
def test_what_a_worker_says_of_a_failure_is_kept(
    given: Any, decide: Any, failure: Json, said: Json
) -> None:
    decided = decide(
        activity_outcomes.fail,
        blocked(given),
        given.running(),
        given.now,
        given.ids(),
        failure=Failure("no", **failure),
        held=[],
    )
    assert decided.payloads[0]["exception"] == said


@pytest.mark.parametrize(
    ("status", "passed", "kind"),
    [
        ("pending", [], None),
        ("pending", ["schedule_to_start_at"], "schedule_to_start"),
        ("pending", ["heartbeat_at", "start_to_close_at"], None),
        ("running", ["schedule_to_start_at"], None),
        ("running", ["start_to_close_at"], "start_to_close"),
        ("running", ["start_to_close_at", "heartbeat_at"], "heartbeat"),
        ("running", ["heartbeat_at", "schedule_to_close_at"], "schedule_to_close"),
    ],
)
def test_which_deadline_has_passed(
    given: Any, status: str, passed: list[str], kind: str | None
) -> None:
    activity = given.activity(status=status, **dict.fromkeys(passed, given.now))
    assert activity_outcomes.overdue(activity, given.now) == kind
    assert activity_outcomes.overdue(activity, given.now - 1) is None


@pytest.mark.parametrize(
    ("kind", "attempt", "policy", "types", "attempts"),
    [
        ("start_to_close", 1, RETRIES, ["ActivityRetryScheduled"], 1),
        ("heartbeat", 3, RETRIES, ["ActivityTimedOut"], 3),
        ("schedule_to_close", 1, RETRIES, ["ActivityTimedOut"], 1),
        ("start_to_close", 1, None, ["ActivityTimedOut"], 1),
        # Nobody has begun the attempt that was waited for; it counts nevertheless.
        ("schedule_to_start", 0, RETRIES, ["ActivityRetryScheduled"], 1),
        ("schedule_to_start", 2, RETRIES, ["ActivityTimedOut"], 3),
    ],
)
def test_a_time_out_counts_as_an_attempt(
    given: Any,
    decide: Any,
    kind: str,
    attempt: int,
    policy: Json | None,
    types: list[str],
    attempts: int,
) -> None:
    make = given.activity if kind == "schedule_to_start" else given.running
    decided = decide(
        activity_outcomes.time_out,
        blocked(given),
        make(policy, attempt_count=attempt),
        given.now,
        given.ids(),
        timeout_kind=kind,
        held=[],
    )
    assert decided.types == types
    assert decided.payloads[0]["timeout_kind"] == kind
    assert decided.decision.activities[0].attempt_count == attempts
    assert bool(decided.decision.attempts) is (
        types == ["ActivityRetryScheduled"] and kind != "schedule_to_start"
    )


@pytest.mark.parametrize("attempts", [0, 2])
def test_the_end_of_all_time_is_no_attempt_that_nobody_began(
    given: Any, decide: Any, attempts: int
) -> None:
    decided = decide(
        activity_outcomes.time_out,
        blocked(given),
        given.activity(RETRIES, attempt_count=attempts),
        given.now,
        given.ids(),
        timeout_kind="schedule_to_close",
        held=[],
    )
    assert decided.types == ["ActivityTimedOut"]
    assert decided.decision.activities[0].attempt_count == attempts
