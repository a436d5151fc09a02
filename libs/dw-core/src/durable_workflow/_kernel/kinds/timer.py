"""Timers that code yields; the timers of waits belong to the waits."""

from collections.abc import Mapping
from typing import ClassVar

from durable_workflow._kernel.batches import Batch
from durable_workflow._kernel.kind import Kind, Reader, nothing
from durable_workflow._wire import names
from durable_workflow._wire.events import Event
from durable_workflow.workflow._commands import StartTimer


class TimerKind(Kind[StartTimer]):
    """A durable timer."""

    shape = "timer"
    in_lists = True
    opens = frozenset({names.TIMER_SCHEDULED})
    resolves: ClassVar[Mapping[str, Reader]] = {names.TIMER_FIRED: nothing}

    def stop(self, command: StartTimer) -> Batch:
        return Batch.of_one(self, command)

    def claims(self, event: Event) -> bool:
        return event.payload.get("timer_kind") not in names.WAIT_TIMER_KINDS
