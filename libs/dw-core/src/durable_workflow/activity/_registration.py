"""The decorator that names an activity, and those named so far."""

from collections.abc import Callable
from datetime import timedelta
from math import isfinite
from typing import Any, TypeVar, overload

from durable_workflow._definitions import ACTIVITIES, name_of, set_mark
from durable_workflow._meet import HEARTBEAT_OPTIONS, HeartbeatOptions

_FunctionT = TypeVar("_FunctionT", bound=Callable[..., Any])


@overload
def defn(function: _FunctionT, /) -> _FunctionT: ...
@overload
def defn(
    *,
    name: str | None = None,
    auto_heartbeat: bool = False,
    heartbeat_every: float | timedelta | None = None,
) -> Callable[[_FunctionT], _FunctionT]: ...
def defn(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    auto_heartbeat: bool = False,
    heartbeat_every: float | timedelta | None = None,
) -> Any:
    """Make a function an activity.

    Args:
        function: The function, where the decorator stands without parentheses.
        name: The type by which workflows, in whatever language, ask for it; None is the name of
            the function, which then cannot be renamed while runs ask for it.
        auto_heartbeat: Have the worker send heartbeats while the function runs, three in a
            heartbeat timeout and at least one in ten seconds. They say that the worker is alive,
            not that the function gets on.
        heartbeat_every: Seconds. Have `heartbeat` and `heartbeat_sync` return at once; what they
            report last is sent in the background, at most one in this time. None sends each as a
            request and waits for its answer, unless `auto_heartbeat` is set.

    Returns:
        A decorator that returns the same function. The last of several functions of one name is
        the one registered.

    Raises:
        ValueError: `heartbeat_every` is no number of seconds above 0.
        TypeError: What is decorated is no function, or a bound method, or the name is no string.
    """
    options = _options(auto_heartbeat, heartbeat_every)

    def decorate(function: _FunctionT) -> _FunctionT:
        if not callable(function):
            raise TypeError(
                f"activity.defn decorates a function, not {function!r}: write @activity.defn, "
                f'or @activity.defn(name="{function if isinstance(function, str) else "..."}")'
            )
        activity_type = name_of("activity.defn", function, name)
        set_mark("activity.defn", function, "__activity_name__", activity_type)
        if options is not None:
            setattr(function, HEARTBEAT_OPTIONS, options)
        ACTIVITIES[activity_type] = function
        return function

    return decorate if function is None else decorate(function)


def registry() -> dict[str, Callable[..., Any]]:
    """The activities of this process by name, as a copy."""
    return dict(ACTIVITIES)


def _options(automatic: bool, every: float | timedelta | None) -> HeartbeatOptions | None:
    if every is None:
        return HeartbeatOptions(automatic, None) if automatic else None
    seconds = every.total_seconds() if isinstance(every, timedelta) else every
    if not (isfinite(seconds) and seconds > 0):
        raise ValueError(f"heartbeat_every must be more than 0 seconds, not {every!r}")
    return HeartbeatOptions(automatic, seconds)
