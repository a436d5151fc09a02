"""Side effects: computed once, recorded, and from then on read from history."""

from collections.abc import Mapping
from typing import Any, ClassVar

from durable_workflow import serializer
from durable_workflow._kernel.kind import Reader, payload_result
from durable_workflow._kernel.markers import MarkerKind
from durable_workflow._wire import names
from durable_workflow.workflow._commands import RecordSideEffect

_SCALARS = (str, int, float, bool, type(None))


class SideEffectKind(MarkerKind[RecordSideEffect]):
    """A side effect."""

    shape = "side effect"
    resolves: ClassVar[Mapping[str, Reader]] = {names.SIDE_EFFECT_RECORDED: payload_result}

    def compute(self, command: RecordSideEffect) -> Any:
        """Call the function, and return the value as the next replay will read it from history.

        A tuple comes back as a list, and later changes to the object do not change what is
        recorded; a value that does not encode is left to fail when the completion is built.
        """
        value = command.result
        if type(value) in _SCALARS:
            return value
        try:
            recorded = serializer.encode(value, serializer.JSON_CODEC, size_warning=None)
        except (TypeError, ValueError):
            return value
        command.result = serializer.decode(recorded, serializer.JSON_CODEC)
        return serializer.decode(recorded, serializer.JSON_CODEC)

    def same(self, computed: Any, recorded: Any) -> bool:
        """Whether the recorded value is the one that this machine continued with."""
        return type(computed) is type(recorded) and _text(computed) == _text(recorded)


def _text(value: Any) -> str:
    return serializer.encode(value, serializer.JSON_CODEC, size_warning=None)
