"""Retry policies as authors write them, and what of them goes on the wire."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass
class ActivityRetryPolicy:
    """How often an activity is tried, and how long to wait in between.

    Nothing is checked before the policy is put into a command.

    Attributes:
        max_attempts: Attempts in all, the first one included.
        initial_interval_seconds: Wait before the second attempt.
        backoff_coefficient: Each wait is the one before times this.
        maximum_interval_seconds: No wait is longer; None sets no bound.
        non_retryable_error_types: Exception types that end the activity at once.
        backoff_seconds: The waits themselves; overrules the three numbers above.
    """

    max_attempts: int = 3
    initial_interval_seconds: float = 1.0
    backoff_coefficient: float = 2.0
    maximum_interval_seconds: float | None = None
    non_retryable_error_types: list[str] = field(default_factory=list[str])
    backoff_seconds: list[int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Expand the policy to the attempts and waits that the server keeps.

        Raises:
            ValueError: `max_attempts` below 1, a negative interval or a coefficient below 1.
        """
        self._check()
        if self.backoff_seconds is not None:
            backoff = [max(0, int(seconds)) for seconds in self.backoff_seconds]
        else:
            backoff = self._computed_backoff()
        return {
            "max_attempts": self.max_attempts,
            "backoff_seconds": backoff,
            "non_retryable_error_types": _names(self.non_retryable_error_types),
        }

    def _check(self) -> None:
        if self.max_attempts < 1:
            raise ValueError("max_attempts must be at least 1")
        if self.initial_interval_seconds < 0:
            raise ValueError("initial_interval_seconds must not be negative")
        if self.backoff_coefficient < 1:
            raise ValueError("backoff_coefficient must be at least 1")
        if self.maximum_interval_seconds is not None and self.maximum_interval_seconds < 0:
            raise ValueError("maximum_interval_seconds must not be negative")

    def _computed_backoff(self) -> list[int]:
        longest = self.maximum_interval_seconds
        waits: list[int] = []
        interval = float(self.initial_interval_seconds)
        for _ in range(self.max_attempts - 1):
            wait = interval if longest is None else min(interval, longest)
            if math.isinf(wait):
                raise ValueError("back-off grows without bound: set maximum_interval_seconds")
            waits.append(math.ceil(wait))
            interval *= self.backoff_coefficient
        return waits


@dataclass
class ChildWorkflowRetryPolicy(ActivityRetryPolicy):
    """How often a failing child workflow is started anew; the fields of an activity's policy."""


ActivityRetryPolicyInput: TypeAlias = ActivityRetryPolicy | Mapping[str, Any]
ChildWorkflowRetryPolicyInput: TypeAlias = ChildWorkflowRetryPolicy | Mapping[str, Any]


def wire_retry_policy(policy: ActivityRetryPolicyInput) -> dict[str, Any]:
    """The policy as a command carries it; a mapping is copied as it stands."""
    return policy.to_dict() if isinstance(policy, ActivityRetryPolicy) else dict(policy)


def _names(types: list[Any]) -> list[str]:
    stripped = (name.strip() for name in types if isinstance(name, str))
    return [name for name in stripped if name]
