"""From what the code yields to where it stands."""

from typing import Any

from durable_workflow._kernel.batches import Batch, Member
from durable_workflow._kernel.kind import Kind
from durable_workflow._kernel.kinds import KINDS
from durable_workflow._kernel.run import Stop
from durable_workflow._wire.shapes import is_list


class UnsupportedYield(TypeError):
    """The code yielded something that is no command."""

    def __init__(self, value: Any) -> None:
        super().__init__(f"workflow yielded unsupported command: {_shown(value)}")


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
    if is_list(value):
        try:
            return Batch.of_list(value, _member)
        except RecursionError as error:  # a list that contains itself
            raise UnsupportedYield(value) from error
    raise UnsupportedYield(value)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 (what cannot even be shown is no command either)
        return object.__repr__(value)


def _member(value: Any) -> Member:
    kind = _kind_of(value)
    if kind is None or not kind.in_lists:
        raise UnsupportedYield(value)
    return kind, value


def _kind_of(value: object) -> Kind[Any] | None:
    return KINDS.get(type(value))
