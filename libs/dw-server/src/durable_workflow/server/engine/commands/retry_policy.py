"""The retry policy of activities and children, as commands carry it."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow.server.engine.commands.fields import LONGEST_NAME, Errors, as_integer
from durable_workflow.server.engine.refusal import InvalidCommands
from durable_workflow.server.engine.state import as_list, as_object
from durable_workflow.server.engine.times import LONGEST_SECONDS

# There may be more delays: workers write one for each attempt.
_MOST_TYPES = 1000
_KEYS = frozenset({"max_attempts", "backoff_seconds", "non_retryable_error_types"})


class RetryPolicy(msgspec.Struct, frozen=True):
    """What a command says about retries, with the defaults filled in."""

    max_attempts: int = 1
    backoff_seconds: list[int] = []
    non_retryable_error_types: list[str] = []


def read_retry_policy(raw: dict[str, Any], at: str, errors: Errors) -> RetryPolicy | None:
    """Read `retry_policy` of a command; None where it has none."""
    value = raw.get("retry_policy")
    if value is None:
        return None
    field = f"{at}.retry_policy"
    policy = as_object(value)
    if policy is None:
        errors[field] = [f"The {field} field must be an object."]
        return None
    if not _KEYS & policy.keys():
        raise InvalidCommands(f"{field} has none of the fields {', '.join(sorted(_KEYS))}")
    most = policy.get("max_attempts")
    attempts = 1 if most is None else as_integer(most)
    if attempts is None or not 1 <= attempts <= LONGEST_SECONDS:
        errors[f"{field}.max_attempts"] = [f"The {field}.max_attempts field must be at least 1."]
        return None
    delays = _list(policy.get("backoff_seconds"))
    seconds = None if delays is None else [as_integer(delay) for delay in delays]
    if seconds is None or any(
        delay is None or not 0 <= delay <= LONGEST_SECONDS for delay in seconds
    ):
        errors[f"{field}.backoff_seconds"] = [
            f"The {field}.backoff_seconds field must be a list of integers that are at least 0."
        ]
        return None
    types = _list(policy.get("non_retryable_error_types"))
    if types is None or len(types) > _MOST_TYPES or not all(map(_is_name, types)):
        errors[f"{field}.non_retryable_error_types"] = [
            f"The {field}.non_retryable_error_types field must be a list of at most {_MOST_TYPES} "
            f"non-blank strings of at most {LONGEST_NAME} characters."
        ]
        return None
    return RetryPolicy(attempts, [delay or 0 for delay in seconds], list(types))


def _list(value: Any) -> list[Any] | None:
    if value is None:
        return []
    return as_list(value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= LONGEST_NAME
