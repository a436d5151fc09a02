"""The activities and workflows that this process has defined, by name."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from durable_workflow._signatures import signature_of

ACTIVITIES: Final[dict[str, Callable[..., Any]]] = {}
WORKFLOWS: Final[dict[str, type]] = {}


def name_of(decorator: str, decorated: object, given: object) -> str:
    """The name on the wire of what a decorator decorates.

    Args:
        decorator: How the decorator is written, for the error.
        decorated: A class, function or method.
        given: The name that the decorator was given; None takes the one of `decorated`.

    Raises:
        TypeError: The name is no string, or there is none to take.
    """
    if given is not None:
        if not isinstance(given, str):
            raise TypeError(f"the name that {decorator} is given must be a string, not {given!r}")
        return given
    own = getattr(decorated, "__name__", None)
    if not isinstance(own, str) or not own.isidentifier():  # partials, lambdas
        raise TypeError(f'{decorated!r} has no name of its own: give {decorator} one, name="..."')
    return own


def set_mark(decorator: str, decorated: object, attribute: str, value: str) -> None:
    """Set the attribute by which workers know what a decorator decorated.

    Args:
        decorator: How the decorator is written, for the error.
        decorated: A function or method.
        attribute: The name of the attribute.
        value: What it says.

    Raises:
        TypeError: What is decorated takes no attributes, as bound methods and properties.
    """
    try:
        setattr(decorated, attribute, value)
    except AttributeError:
        raise TypeError(
            f"{decorator} cannot decorate {decorated!r}, which takes no attributes: decorate the "
            "function where it is defined"
        ) from None


def argument_names(kind: str, labels: Mapping[str, Any]) -> list[str]:
    """Names of the parameters that a payload of arguments is for, as far as they are known here.

    Args:
        kind: What a size warning calls the payload.
        labels: Its further labels.
    """
    if kind == "activity_input":
        function: Any = ACTIVITIES.get(str(labels.get("activity_name")))
        lead = 0
    else:
        function = getattr(WORKFLOWS.get(str(labels.get("workflow_type"))), "run", None)
        lead = 2  # self and the context
    if function is None or kind in ("query", "signal", "update"):
        return []
    try:
        return list(signature_of(function).parameters)[lead:]
    except (TypeError, ValueError):  # as for some callables written in C
        return []
