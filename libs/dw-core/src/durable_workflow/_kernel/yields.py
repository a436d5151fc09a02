"""From a yielded value to the stop at which the code waits."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from durable_workflow._kernel.batches import Batch, Member
from durable_workflow._kernel.kind import Kind
from durable_workflow._kernel.kinds import KINDS
from durable_workflow._kernel.replay_state import Stop
from durable_workflow._wire.json_values import is_list
from durable_workflow._wire.texts import representation
from durable_workflow.workflow._commands import CompleteWorkflow, FailWorkflow


class UnsupportedYield(TypeError):
    """The code yielded something that is not a command.

    Attributes:
        advice: What the author probably meant, and how to write it; None if that is unknown.
    """

    def __init__(self, value: Any, *, in_list: bool = False) -> None:
        super().__init__(f"workflow yielded unsupported command: {representation(value)}")
        self.advice = _advice(value, in_list)


def stop_for(value: Any) -> Stop:
    """The stop at a yielded value.

    Args:
        value: A command, or a list of activities, timers, children and such lists.
    Raises:
        UnsupportedYield: It is neither.
    """
    kind = _kind_of(value)
    if kind is not None:
        return kind.stop(value)
    try:
        if is_list(value):
            return Batch.of_list(value, _member)
    except RecursionError as error:  # a list that contains itself
        raise UnsupportedYield(value) from error
    except UnsupportedYield:
        _drop(value)
        raise
    unsupported = UnsupportedYield(value)
    _drop(value)
    raise unsupported


def _drop(value: object) -> None:
    """Close coroutines that nobody will await, or Python warns about them later, elsewhere."""
    for each in value if is_list(value) else [value]:
        if inspect.iscoroutine(each):
            each.close()


def _advice(value: object, in_list: bool) -> str | None:
    if _kind_of(value) is not None:
        return "only activities, timers and children can be waited for in a list: yield it alone"
    if isinstance(value, CompleteWorkflow | FailWorkflow):
        return "a run ends where its code returns a result or raises an exception"
    if value is None:
        what = "a list with None in it" if in_list else "a yield without a value"
        return (
            f"{what} waits for nothing: yield what a method of ctx returned, such as "
            "ctx.schedule_activity(...)"
        )
    if inspect.isawaitable(value):
        return (
            "workflow code cannot await, nor call an async function directly: yield "
            "ctx.schedule_activity(...) with the name of the activity"
        )
    if inspect.isgenerator(value):
        return "use `yield from` to take the steps of another generator"
    if callable(value):
        return (
            "nothing is called by yielding it: yield the command that a method of ctx returned, "
            "such as ctx.schedule_activity(...)"
        )
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | list | Mapping):
        return "yield a list of commands to wait for all of them"
    return None


def _member(value: Any) -> Member:
    kind = _kind_of(value)
    if kind is None or not kind.in_lists:
        raise UnsupportedYield(value, in_list=True)
    return kind, value


def _kind_of(value: object) -> Kind[Any] | None:
    return KINDS.get(type(value))
