"""Version markers: which version of a change a run follows."""

from collections.abc import Mapping
from typing import Any, ClassVar

from durable_workflow._kernel.kind import Decode, Reader
from durable_workflow._kernel.markers import MarkerKind
from durable_workflow._kernel.steps import Outcome, Step
from durable_workflow._wire import names
from durable_workflow._wire.events import Event, text
from durable_workflow.workflow._commands import RecordVersionMarker


def _version(event: Event, decode: Decode) -> Outcome:
    version = event.payload.get("version")
    return Outcome(0 if version is None else version)


class VersionKind(MarkerKind[RecordVersionMarker]):
    """A version marker."""

    shape = "version marker"
    answers: ClassVar[Mapping[str, Reader]] = {names.VERSION_MARKER_RECORDED: _version}

    def compute(self, command: RecordVersionMarker) -> Any:
        return command.version

    def result(self, command: RecordVersionMarker, value: Any) -> Any:
        if command.result_kind == "patched":
            return value == 1
        return None if command.result_kind == "deprecate_patch" else value

    def unrecorded(self, command: RecordVersionMarker, next_step: Step) -> Outcome | None:
        """The old version, for a run that went past this place before the call was written.

        It recorded something else here, so it followed the code without the change.
        """
        if next_step.kind is self:
            return None
        return Outcome(command.min_supported)

    def recorded_detail(self, event: Event) -> str | None:
        return text(event.payload, "change_id")

    def asked_detail(self, command: RecordVersionMarker) -> str | None:
        return command.change_id

    def difference(self, recorded: str, asked: str) -> str:
        return f"Recorded version change_id {recorded!r}, but current workflow requested {asked!r}."
