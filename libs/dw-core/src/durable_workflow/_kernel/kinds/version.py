"""Version markers: which version of a change a run follows.

A marker is found by its change id and not by its position among other markers: authors put the
newest change before, behind or between older ones, and a run that recorded only the older ones must
find them all. The search ends at the next step that blocks. All markers up to there were recorded
by one task, so by one version of the code. A marker behind it was recorded by a later task, maybe
after the call was deployed: later rounds of a loop have it, earlier ones do not.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from durable_workflow._kernel.index import Index
from durable_workflow._kernel.kind import Decode, Reader
from durable_workflow._kernel.markers import Marker, MarkerKind
from durable_workflow._kernel.replay_state import Mismatch, ReplayState, Resumption, Send
from durable_workflow._kernel.steps import Resolution, Step
from durable_workflow._wire import names
from durable_workflow._wire.events import Event, text
from durable_workflow.workflow._commands import RecordVersionMarker


def _version(event: Event, decode: Decode) -> Resolution:
    version = event.payload.get("version")
    return Resolution(0 if version is None else version)


class VersionKind(MarkerKind[RecordVersionMarker]):
    """A version marker."""

    shape = "version marker"
    resolves: ClassVar[Mapping[str, Reader]] = {names.VERSION_MARKER_RECORDED: _version}

    def compute(self, command: RecordVersionMarker) -> Any:
        return command.version

    def result(self, command: RecordVersionMarker, value: Any) -> Any:
        if command.result_kind == "patched":
            return value == 1
        return None if command.result_kind == "deprecate_patch" else value

    def stop(self, command: RecordVersionMarker) -> "VersionCall":
        return VersionCall(self, command)

    def recorded_detail(self, event: Event) -> str | None:
        return text(event.payload, "change_id")

    def asked_detail(self, command: RecordVersionMarker) -> str | None:
        return command.change_id

    def difference(self, recorded: str, asked: str) -> str:
        return f"Recorded version change_id {recorded!r}, but current workflow requested {asked!r}."


class VersionCall(Marker):
    """A yielded version call."""

    def __init__(self, kind: VersionKind, command: RecordVersionMarker) -> None:
        super().__init__(kind, command)
        self._versions = kind
        self._call = command

    def settle(self, run: ReplayState) -> Resumption:
        step = run.next_step()
        if step is None:
            return super().settle(run)
        offset = self._offset(run.index)
        if offset is None:
            # The run passed this line before the call was written, so it follows the code without
            # the change. There was no stop here then, so no receiver is applied either.
            self._suspect(run, step)
            return Send(self._versions.result(self._call, self._call.min_supported))
        run.index.bring_forward(offset)
        return super().settle(run)

    def _suspect(self, run: ReplayState, step: Step) -> None:
        """Remember a marker of another change: it may be this one under an id that was renamed."""
        noted = run.suspect is not None and run.suspect.step is step
        if step.kind is self._versions and step.detail is not None and not noted:
            asked = self._call.change_id
            shape = f"{self._versions.shape}:{asked}"
            run.suspect = Mismatch(step, shape, self._versions.difference(step.detail, asked))

    def _offset(self, index: Index) -> int | None:
        """Where the next unused marker of this change stands before the next blocking step."""
        offset = 0
        while (step := index.peek(offset)) is not None and isinstance(step.kind, MarkerKind):
            # Old histories have markers without a change id: only the position tells whose it is.
            if step.kind is self._versions and step.detail in (None, self._call.change_id):
                return offset
            offset += 1
        return None
