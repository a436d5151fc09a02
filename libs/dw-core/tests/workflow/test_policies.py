# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import pytest

from durable_workflow.workflow import (
    ActivityRetryPolicy,
    ChildWorkflowRetryPolicy,
    ScheduleActivity,
    StartChildWorkflow,
)


@pytest.mark.parametrize(
    ("policy", "backoff"),
    [
        (ActivityRetryPolicy(), [1, 2]),
        (ActivityRetryPolicy(4, 1, 2, 30), [1, 2, 4]),
        (ActivityRetryPolicy(5, 0.3, 1.5), [1, 1, 1, 2]),
        (ActivityRetryPolicy(6, 1, 3, 5), [1, 3, 5, 5, 5]),
        (ActivityRetryPolicy(1), []),
        (ActivityRetryPolicy(3, 0), [0, 0]),
        (ActivityRetryPolicy(3, 1, 2, math.inf), [1, 2]),
        (ActivityRetryPolicy(3, 1, 2, 10**400), [1, 2]),
        (ActivityRetryPolicy(3, cast("Any", Decimal("1.5")), cast("Any", Fraction(2))), [2, 3]),
        (ActivityRetryPolicy(3, backoff_seconds=cast("Any", [5, -1, 2.9])), [5, 0, 2]),
        (ActivityRetryPolicy(10**9, backoff_seconds=[1, 60]), [1, 60]),
        (ActivityRetryPolicy(2000, 1, 2, 60), [1, 2, 4, 8, 16, 32] + [60] * 1993),
    ],
)
def test_backoff_is_listed_second_by_second(policy: Any, backoff: Any) -> None:
    assert policy.to_dict()["backoff_seconds"] == backoff


def test_error_types_are_stripped_and_blanks_dropped() -> None:
    policy = ActivityRetryPolicy(
        non_retryable_error_types=cast("Any", [" A ", "", "  ", None, 3, "B"])
    )
    assert policy.to_dict()["non_retryable_error_types"] == ["A", "B"]


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        (ActivityRetryPolicy(0), "max_attempts"),
        (ActivityRetryPolicy(3, -1), "initial_interval_seconds"),
        (ActivityRetryPolicy(3, 1, 0.5), "backoff_coefficient"),
        (ActivityRetryPolicy(3, 1, 2, -1), "maximum_interval_seconds"),
        (ActivityRetryPolicy(3000, 1, 2), "without bound"),
        (ActivityRetryPolicy(10**9, 1, 1), "max_attempts must be at most 100001, got 1000000000;"),
        (ActivityRetryPolicy(10**400, 1, 2, 60), "max_attempts must be at most 100001, got 1"),
        (ActivityRetryPolicy(3, 10**400), "initial_interval_seconds must be finite, got 1"),
        (ActivityRetryPolicy(3, 10**5000), "initial_interval_seconds must be finite"),
        (
            ActivityRetryPolicy(3, cast("Any", Decimal("1e400"))),
            "initial_interval_seconds must be finite",
        ),
        (ActivityRetryPolicy(3, math.inf), "initial_interval_seconds must be finite, got inf"),
        (ActivityRetryPolicy(3, math.nan), "initial_interval_seconds must be a number, got nan"),
        (
            ActivityRetryPolicy(3, cast("Any", Decimal("sNaN"))),
            "initial_interval_seconds must be a number",
        ),
        (ActivityRetryPolicy(3, 1, 10**400), "backoff_coefficient must be finite, got 1"),
        (ActivityRetryPolicy(3, 1, math.nan), "backoff_coefficient must be a number, got nan"),
        (ActivityRetryPolicy(3, 1, 2, math.nan), "maximum_interval_seconds must be a number"),
        (ActivityRetryPolicy(backoff_seconds=[1, 10**400]), r"backoff_seconds\[1\] must be finite"),
    ],
)
def test_out_of_range(policy: Any, complaint: Any) -> None:
    with pytest.raises(ValueError, match=complaint):
        policy.to_dict()


def test_child_policy_is_an_activity_policy() -> None:
    assert isinstance(ChildWorkflowRetryPolicy(), ActivityRetryPolicy)
    assert ChildWorkflowRetryPolicy(2).to_dict() == {
        "max_attempts": 2,
        "backoff_seconds": [1],
        "non_retryable_error_types": [],
    }


@pytest.mark.parametrize("kind", ["activity", "child"])
def test_a_mapping_with_the_fields_of_the_policy_class_means_that_policy(kind: str) -> None:
    fields = {"max_attempts": 4, "initial_interval_seconds": 10, "maximum_interval_seconds": 30}
    assert wire(kind, fields) == ActivityRetryPolicy(4, 10, 2.0, 30).to_dict()
    assert wire(kind, {"backoff_coefficient": 3, "x": 1}) == {
        "x": 1,
        **ActivityRetryPolicy(backoff_coefficient=3).to_dict(),
    }


@pytest.mark.parametrize("kind", ["activity", "child"])
def test_a_mapping_without_a_field_of_a_policy_is_refused_with_their_names(kind: str) -> None:
    with pytest.raises(ValueError, match=r"'maximum_attempts': 3.* has no field .* max_attempts, "):
        wire(kind, {"maximum_attempts": 3})
    with pytest.raises(ValueError, match="initial_interval_seconds must not be negative"):
        wire(kind, {"initial_interval_seconds": -1})


@pytest.mark.parametrize("kind", ["activity", "child"])
def test_an_empty_mapping_leaves_the_policy_to_the_server(kind: str) -> None:
    assert wire(kind, {}) == {}


def wire(kind: str, policy: dict[str, Any]) -> Any:
    command = (
        ScheduleActivity("a", [], retry_policy=policy)
        if kind == "activity"
        else StartChildWorkflow("c", [], retry_policy=policy)
    )
    return command.to_server_command("q")["retry_policy"]
