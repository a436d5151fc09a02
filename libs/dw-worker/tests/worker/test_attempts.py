"""What the log says of the attempts to come."""

from typing import Any

import pytest

from durable_workflow.worker._attempts import NO_POLICY, read_attempts

POLICY: dict[str, Any] = {
    "max_attempts": 4,
    "backoff_seconds": [1, 2],
    "non_retryable_error_types": ["Final"],
    "heartbeat_timeout": 9,
}


@pytest.mark.parametrize(
    ("attempt", "failure_type", "for_good", "outlook"),
    [
        (1, "Any", False, "attempt 1 of 4, next in 1 s"),
        (2, "Any", False, "attempt 2 of 4, next in 2 s"),
        (3, None, False, "attempt 3 of 4, next in 2 s"),
        (4, "Any", False, None),
        (1, "Final", False, None),
        (1, "Any", True, None),
    ],
)
def test_outlook(
    attempt: int, failure_type: str | None, for_good: bool, outlook: str | None
) -> None:
    assert read_attempts(POLICY).outlook(attempt, failure_type, for_good=for_good) == outlook


def test_a_policy_without_backoff_retries_at_once() -> None:
    attempts = read_attempts({"max_attempts": 2})
    assert attempts.outlook(1, None, for_good=False) == "attempt 1 of 2, next in 0 s"


def test_attempts_that_lost_their_workers_are_not_counted() -> None:
    attempts = read_attempts(POLICY, 2)
    assert attempts.outlook(5, None, for_good=False) == "attempt 5 of 6, next in 2 s"
    assert attempts.outlook(6, None, for_good=False) is None
    assert read_attempts(None, "2").last == 3


@pytest.mark.parametrize("policy", [None, "three", {}, {"max_attempts": None}])
def test_without_a_policy_there_is_one_attempt(policy: object) -> None:
    assert read_attempts(policy) == NO_POLICY


def test_what_is_not_of_its_type_is_left_out() -> None:
    odd = {
        "max_attempts": "3",
        "backoff_seconds": [None, 1, True],
        "non_retryable_error_types": "x",
    }
    attempts = read_attempts(odd)
    assert attempts.most == 3
    assert attempts.backoff == (1,)
    assert attempts.non_retryable == frozenset()
