"""The decorator that names an activity, and those named so far."""

from collections.abc import Callable
from typing import Any, TypeVar

_FunctionT = TypeVar("_FunctionT", bound=Callable[..., Any])

_registry: dict[str, Callable[..., Any]] = {}


def defn(*, name: str) -> Callable[[_FunctionT], _FunctionT]:
    """Make a function an activity.

    Args:
        name: The type by which workflows, in whatever language, ask for it.

    Returns:
        A decorator that returns the same function. The last of several functions of one name is
        the one registered.
    """

    def decorate(function: _FunctionT) -> _FunctionT:
        function.__activity_name__ = name  # type: ignore[attr-defined]  # read by the worker
        _registry[name] = function
        return function

    return decorate


def registry() -> dict[str, Callable[..., Any]]:
    """The activities of this process by name, as a copy."""
    return dict(_registry)
