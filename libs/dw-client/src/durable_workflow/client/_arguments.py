"""Checks of arguments that name the argument; lengths of time as seconds, moments as text.

What a call sends is checked where its body and its query are written, by the names of its members:
a wrong type is a `TypeError` before anything is sent. The server decides which values it allows.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from durable_workflow._wire.identifiers import identifier, sendable
from durable_workflow.serializer._plain import NoPlainForm, plain

T = TypeVar("T")
# What `result_type` asks for, where it is a class and no other annotation.
Result = TypeVar("Result")

# What methods take where they say seconds.
Seconds = float | timedelta
WholeSeconds = int | timedelta
# Likewise, where they say a moment.
Moment = str | datetime


def seconds(argument: str, value: object) -> float:
    """A length of time in seconds.

    Raises:
        TypeError: It is no number and no timedelta.
        ValueError: It is not a number that can be compared.
    """
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(argument, "a number of seconds or a timedelta", value)
    if math.isnan(value):
        raise ValueError(f"{argument} must be a number of seconds, not nan")
    return float(value)


def time_limit(argument: str, value: object) -> float:
    """A length of time in seconds that something can be done in.

    Raises:
        TypeError: It is no number and no timedelta.
        ValueError: It is not more than nothing.
    """
    limit = seconds(argument, value)
    if limit <= 0:
        raise ValueError(f"{argument} must be more than 0 seconds")
    return limit


def whole_seconds(argument: str, value: object) -> int:
    """A length of time in whole seconds; parts of a second are rounded up.

    Raises:
        TypeError: It is no whole number and no timedelta.
    """
    if isinstance(value, timedelta):
        return math.ceil(value.total_seconds())
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(argument, "a whole number of seconds or a timedelta", value)
    return value


def optional(check: Callable[[str, object], T], argument: str, value: object) -> T | None:
    """What `check` makes of a value that is not None."""
    return None if value is None else check(argument, value)


def instance(argument: str, value: object, kind: type[T]) -> T:
    """The value, if it is of a class.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(value, kind):
        raise _wrong(argument, f"of type {kind.__name__}", value)
    return value


def capable(argument: str, value: object, ability: str, what: str) -> None:
    """Check that an object has a member: anything that has it will do, a mock too.

    Raises:
        TypeError: It does not.
    """
    if not hasattr(value, ability):
        raise _wrong(argument, what, value)


def text(argument: str, value: object) -> str:
    """The value, if it is a string.

    Raises:
        TypeError: It is not.
        UnsendableArgument: UTF-8 cannot carry it.
    """
    if not isinstance(value, str):
        raise _wrong(argument, "a string", value)
    return sendable(argument, value)


def moment(argument: str, value: object) -> str:
    """A moment in ISO 8601; text stays as it is, the server reads it.

    Raises:
        TypeError: It is no string and no datetime.
        ValueError: It is a datetime without a time zone.
        UnsendableArgument: UTF-8 cannot carry it.
    """
    if not isinstance(value, datetime):
        if not isinstance(value, str):
            raise _wrong(argument, "a string or a datetime", value)
        return sendable(argument, value)
    if value.utcoffset() is None:
        raise ValueError(
            f"{argument} must be an aware datetime, not {value.isoformat()} without a time zone: "
            "for UTC give it tzinfo=datetime.UTC"
        )
    return value.astimezone(UTC).isoformat()


def _whole(argument: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(argument, "a whole number", value)
    return value


def _flag(argument: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(argument, "True or False", value)
    return value


def _object(argument: str, value: object) -> object:
    if not isinstance(value, dict):
        raise _wrong(argument, "a dict", value)
    return value  # pyright: ignore[reportUnknownVariableType] (its values are the caller's)


def _plain_object(argument: str, value: object) -> object:
    given = _object(argument, value)
    try:
        return plain(given)
    except (NoPlainForm, RecursionError):
        return given  # what writes it says where the value is that it cannot write


def _texts(argument: str, value: object) -> object:
    if not isinstance(value, list | tuple):
        raise _wrong(argument, "a list of strings", value)
    for each in value:  # pyright: ignore[reportUnknownVariableType]
        text(f"each of {argument}", each)  # pyright: ignore[reportUnknownArgumentType]
    return value  # pyright: ignore[reportUnknownVariableType]


def _attribute_type(member: str, value: object) -> str:
    del member  # the argument is not called as the member is
    return text("attribute_type", value)


_Check = Callable[[str, object], Any]


def _all(check: _Check, *names: str) -> dict[str, _Check]:
    return dict.fromkeys(names, check)


# Ids and queues. Build ids are not among them: a blank one stands for workers without any.
_IDENTIFIERS: Final = _all(
    identifier,
    *("workflow_id", "run_id", "schedule_id", "activity_id", "worker_id", "lease_owner"),
    *("task_queue", "name"),
)
# Members of the bodies and queries of the control plane, which are called as the arguments are.
_MEMBERS: Final[dict[str, _Check]] = {
    **_IDENTIFIERS,
    **_all(
        text,
        *("workflow_type", "activity_type", "activity_class", "business_key", "duplicate_policy"),
        *("fairness_key", "overlap_policy", "note", "reason", "status", "query", "wait_for"),
        *("next_page_token", "request_id", "description", "driver"),
        *("idempotency_key", "instance_id", "build_id"),
    ),
    **_all(moment, "start_time", "end_time"),
    **_all(
        _whole,
        *("priority", "fairness_weight", "page_size", "limit", "after_sequence", "max_runs"),
        *("retention_days", "threshold_bytes", "small_payload_bytes", "large_payload_bytes"),
    ),
    **_all(
        whole_seconds,
        *("execution_timeout_seconds", "run_timeout_seconds", "wait_timeout_seconds"),
        *("start_to_close_timeout_seconds", "schedule_to_start_timeout_seconds"),
        *("schedule_to_close_timeout_seconds", "heartbeat_timeout_seconds", "jitter_seconds"),
    ),
    **_all(_flag, "enabled", "paused"),
    **_all(_object, "retry_policy", "config", "target", "correlation"),
    **_all(_plain_object, "memo", "search_attributes"),
    **_all(_texts, "run_ids", "execution_ids"),
    "type": _attribute_type,
}


def checked(members: Mapping[str, Any], *, worker: bool) -> Mapping[str, Any]:
    """The members of a body or of a query as they are sent: ids trimmed, times in seconds.

    Args:
        members: The members by name; those that are None are left as they are.
        worker: Whether they belong to the worker plane, where ids alone are checked.

    Raises:
        TypeError: One is of a wrong type.
        ValueError: One is a datetime without a time zone.
        UnsendableArgument: An id is blank, or UTF-8 cannot carry a text.
    """
    checks = _IDENTIFIERS if worker else _MEMBERS
    sent = {
        name: checks[name](name, members[name])
        for name in checks.keys() & members.keys()
        if members[name] is not None
    }
    return {**members, **sent} if sent else members


def _wrong(argument: str, wanted: str, value: object) -> TypeError:
    return TypeError(f"{argument} must be {wanted}, not of type {type(value).__name__}")
