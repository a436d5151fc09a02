"""Steps: what is recorded of one yielded command, from its first event to its resolution."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from durable_workflow._kernel.kind import Kind

# Heartbeats of one attempt may be many; an error message needs only the beginning.
_MOST_EVENT_TYPES: Final = 64


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a step ended: with a value, or with an error that is raised where the code waits."""

    value: Any = None
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class Step:
    """One recorded command.

    Attributes:
        kind: What it was recorded as.
        sequence: Its workflow sequence, or None in histories without.
        number: The place that errors name.
        detail: The recorded activity type, child type or change id, or None.
        event_types: Types of the events about it, in order.
        resolution: How it ended, or None while it is open.
        resolved_at: Position in history of the event that ended it.
        time: When that event was recorded, as the record spells it.
        taken: The code has been given the resolution.
    """

    kind: "Kind[Any]"
    sequence: int | None
    number: int
    detail: str | None = None
    event_types: list[str] = field(default_factory=list[str])
    resolution: Resolution | None = None
    resolved_at: int | None = None
    time: str | None = None
    taken: bool = False

    def saw(self, event_type: str) -> None:
        """Add the type of another event about this step."""
        if len(self.event_types) < _MOST_EVENT_TYPES:
            self.event_types.append(event_type)

    def resolve(self, resolution: Resolution, position: int, time: str | None) -> None:
        """Set the resolution; of several, the last in history counts."""
        self.resolution = resolution
        self.resolved_at = position
        self.time = time


@dataclass(slots=True, eq=False)
class WaitStep(Step):
    """One recorded opening of a condition wait.

    Attributes:
        wait_id: The server's id of this opening.
        key: The recorded key, or None.
        fingerprint: The recorded predicate fingerprint, or None.
        waiting: How many receivers bound to it have not been applied.
        on_predicate: The code went on because its predicate was true, before that was recorded.
    """

    wait_id: str = ""
    key: str | None = None
    fingerprint: str | None = None
    waiting: int = 0
    on_predicate: bool = False

    def may_be_resolved(self, resolution: Resolution) -> bool:
        """Whether a resolution recorded after the code went on is the one that it went on with."""
        if self.resolution is None:
            return self.on_predicate and resolution.value is True
        return bool(self.resolution.value == resolution.value)
