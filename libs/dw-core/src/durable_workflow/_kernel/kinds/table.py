"""The table of command kinds. A new kind is a new file here, and a line below."""

from collections.abc import Mapping
from typing import Any

from durable_workflow._kernel.kind import Kind
from durable_workflow._kernel.kinds.activity import ActivityKind
from durable_workflow._kernel.kinds.child import ChildKind
from durable_workflow._kernel.kinds.search_attributes import SearchAttributesKind
from durable_workflow._kernel.kinds.side_effect import SideEffectKind
from durable_workflow._kernel.kinds.terminal import ContinueAsNewKind
from durable_workflow._kernel.kinds.timer import TimerKind
from durable_workflow._kernel.kinds.version import VersionKind
from durable_workflow._kernel.kinds.wait import WaitKind
from durable_workflow.workflow._commands import (
    ContinueAsNew,
    RecordSideEffect,
    RecordVersionMarker,
    ScheduleActivity,
    StartChildWorkflow,
    StartTimer,
    UpsertSearchAttributes,
    WaitCondition,
)

KINDS: Mapping[type, Kind[Any]] = {
    ScheduleActivity: ActivityKind(),
    StartTimer: TimerKind(),
    StartChildWorkflow: ChildKind(),
    RecordSideEffect: SideEffectKind(),
    RecordVersionMarker: VersionKind(),
    UpsertSearchAttributes: SearchAttributesKind(),
    WaitCondition: WaitKind(),
    ContinueAsNew: ContinueAsNewKind(),
}


def _by_event_type() -> dict[str, tuple[Kind[Any], ...]]:
    table: dict[str, tuple[Kind[Any], ...]] = {}
    for kind in KINDS.values():
        for event_type in kind.opens | kind.resolves.keys():
            table[event_type] = (*table.get(event_type, ()), kind)
    return table


# Two kinds read TimerFired; each claims the events that are about it.
KINDS_OF_EVENT: Mapping[str, tuple[Kind[Any], ...]] = _by_event_type()
