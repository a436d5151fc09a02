"""Condition waits: recorded by an id of their own, opened again while they are not satisfied."""

from collections.abc import Mapping
from typing import ClassVar

from durable_workflow._kernel.kind import Decode, Kind, Reader, StepRecorder
from durable_workflow._kernel.steps import Resolution
from durable_workflow._kernel.waits import ConditionWait
from durable_workflow._wire import names
from durable_workflow._wire.events import Event, text
from durable_workflow.workflow._commands import WaitCondition


def _satisfied(event: Event, decode: Decode) -> Resolution:
    return Resolution(True)


def _timed_out(event: Event, decode: Decode) -> Resolution:
    return Resolution(False)


class WaitKind(Kind[WaitCondition]):
    """A condition wait."""

    shape = "condition wait"
    opens = frozenset({names.CONDITION_WAIT_OPENED})
    resolves: ClassVar[Mapping[str, Reader]] = {
        names.CONDITION_WAIT_SATISFIED: _satisfied,
        names.CONDITION_WAIT_TIMED_OUT: _timed_out,
        names.TIMER_FIRED: _timed_out,
    }

    def stop(self, command: WaitCondition) -> ConditionWait:
        return ConditionWait(self, command)

    def claims(self, event: Event) -> bool:
        if event.event_type == names.TIMER_FIRED:
            return event.payload.get("timer_kind") == names.CONDITION_TIMEOUT
        return True

    def record(self, event: Event, index: StepRecorder) -> None:
        wait_id = text(event.payload, "condition_wait_id")
        reader = self.resolves.get(event.event_type)
        if wait_id is None:
            return
        if reader is None:
            index.wait_opened(self, event, wait_id)
        else:
            index.wait_resolved(event, wait_id, reader(event, index.decode))
