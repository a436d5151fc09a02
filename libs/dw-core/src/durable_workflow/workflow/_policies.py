"""Retry policies as authors write them, and what of them goes on the wire."""

import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeAlias

from durable_workflow.workflow._checks import shown, shown_in_part

# A command names each wait. More would take the memory of the worker, and no server takes the body.
_MOST_COMPUTED_WAITS: Final = 100_000


@dataclass
class ActivityRetryPolicy:
    """How often an activity is tried, and how long to wait in between.

    An activity that is scheduled without a policy is tried once. Waits are whole seconds: computed
    ones are rounded up.

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
            TypeError: A field is of another type.
            ValueError: `max_attempts` below 1, a negative interval, a coefficient below 1, a number
                that is not finite, waits that grow without bound, or more than 100,000 of them
                to compute.
        """
        self._check()
        backoff = self._given_backoff()
        if backoff is None:
            backoff = self._computed_backoff()
        return {
            "max_attempts": self.max_attempts,
            "backoff_seconds": backoff,
            "non_retryable_error_types": _names(self.non_retryable_error_types),
        }

    def _check(self) -> None:
        _check_whole("max_attempts", self.max_attempts)
        _check_finite("initial_interval_seconds", self.initial_interval_seconds)
        _check_finite("backoff_coefficient", self.backoff_coefficient)
        if self.maximum_interval_seconds is not None:
            # Infinite is as good as None.
            _check_number("maximum_interval_seconds", self.maximum_interval_seconds)
        if self.max_attempts < 1:
            raise ValueError(
                f"retry_policy: max_attempts must be at least 1, got {self.max_attempts}"
            )
        if self.initial_interval_seconds < 0:
            raise ValueError("retry_policy: initial_interval_seconds must not be negative")
        if self.backoff_coefficient < 1:
            raise ValueError("retry_policy: backoff_coefficient must be at least 1")
        if self.maximum_interval_seconds is not None and self.maximum_interval_seconds < 0:
            raise ValueError("retry_policy: maximum_interval_seconds must not be negative")

    def _given_backoff(self) -> list[int] | None:
        given: Any = self.backoff_seconds
        if given is None:
            return None
        try:
            waits = [max(0, int(seconds)) for seconds in given]
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                f"retry_policy: backoff_seconds must be a list of whole numbers, got {shown(given)}"
            ) from error
        for index, wait in enumerate(waits):
            _check_finite(f"backoff_seconds[{index}]", wait)
        return waits

    def _computed_backoff(self) -> list[int]:
        if self.max_attempts - 1 > _MOST_COMPUTED_WAITS:
            raise ValueError(
                f"retry_policy: max_attempts must be at most {_MOST_COMPUTED_WAITS + 1}, got "
                f"{shown_in_part(self.max_attempts)}; for more, give backoff_seconds, whose last "
                "wait is repeated"
            )
        longest = self.maximum_interval_seconds
        waits: list[int] = []
        interval = float(self.initial_interval_seconds)
        coefficient = float(self.backoff_coefficient)
        for _ in range(self.max_attempts - 1):
            wait = interval if longest is None else min(interval, longest)
            if math.isinf(wait):
                raise ValueError(
                    "retry_policy: back-off grows without bound: set maximum_interval_seconds"
                )
            waits.append(math.ceil(wait))
            interval *= coefficient
        return waits


@dataclass
class ChildWorkflowRetryPolicy(ActivityRetryPolicy):
    """How often a failing child workflow is started anew; the fields of an activity's policy."""


_FIELDS: Final = tuple(each.name for each in fields(ActivityRetryPolicy))
# What no server knows: `to_dict` makes waits of them.
_EXPANDED: Final = ("initial_interval_seconds", "backoff_coefficient", "maximum_interval_seconds")

ActivityRetryPolicyInput: TypeAlias = ActivityRetryPolicy | Mapping[str, Any]
ChildWorkflowRetryPolicyInput: TypeAlias = ChildWorkflowRetryPolicy | Mapping[str, Any]


def wire_retry_policy(policy: ActivityRetryPolicyInput) -> dict[str, Any]:
    """The policy as a command carries it.

    A mapping with fields that only `ActivityRetryPolicy` has, such as `initial_interval_seconds`,
    means that policy: servers ignore those fields. Another one is copied as it stands.

    Raises:
        TypeError: It is neither a policy nor a mapping, or a field of it is of another type.
        ValueError: A field of it is out of range, or a mapping has other fields alone.
    """
    if isinstance(policy, ActivityRetryPolicy):
        return policy.to_dict()
    try:
        given: dict[str, Any] = dict(policy)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            "retry_policy must be a retry policy object, such as ActivityRetryPolicy, or a "
            f"mapping, got {shown(policy)}"
        ) from error
    if given and given.keys().isdisjoint(_FIELDS):
        raise ValueError(
            f"retry_policy: {shown_in_part(given)} has no field of a retry policy; these are "
            f"{', '.join(_FIELDS)}"
        )
    if given.keys().isdisjoint(_EXPANDED):
        return given
    known = {name: given.pop(name) for name in _FIELDS if name in given}
    return given | ActivityRetryPolicy(**known).to_dict()


def retry_policy_of(what: str, policy: ActivityRetryPolicyInput) -> dict[str, Any]:
    """The same; the errors say what the policy is of, as `activity 'charge'`.

    Raises:
        TypeError: As `wire_retry_policy`.
        ValueError: Likewise.
    """
    try:
        return wire_retry_policy(policy)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{what}: {error}") from error


def _check_whole(option: str, value: Any) -> None:
    try:
        _ = operator.index(value)
    except TypeError as error:
        raise TypeError(
            f"retry_policy: {option} must be a whole number, got {shown(value)}"
        ) from error


def _check_finite(option: str, value: Any) -> None:
    if math.isinf(_check_number(option, value)):
        raise ValueError(f"retry_policy: {option} must be finite, got {shown_in_part(value)}")


def _check_number(option: str, value: Any) -> float:
    """A number as a float; infinite where it is too large for one.

    Raises:
        TypeError: It is none. Decimal, Fraction and the numbers of numpy are.
        ValueError: It is NaN.
    """
    try:
        number = math.fsum([value])  # unlike float(), it takes no text
    except TypeError as error:
        raise TypeError(f"retry_policy: {option} must be a number, got {shown(value)}") from error
    except OverflowError:
        return math.inf
    except ValueError:  # a NaN that signals
        number = math.nan
    if math.isnan(number):
        raise ValueError(f"retry_policy: {option} must be a number, got {shown_in_part(value)}")
    return number


def _names(types: Iterable[Any]) -> list[str]:
    if isinstance(types, str) or not _is_iterable(types):
        raise TypeError(
            f"retry_policy: non_retryable_error_types must be a list of names, got {shown(types)}"
        )
    stripped = (name.strip() for name in types if isinstance(name, str))
    return [name for name in stripped if name]


def _is_iterable(value: object) -> bool:
    return isinstance(value, Iterable)
