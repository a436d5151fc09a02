"""All of a run's history that replay reads: steps, receivers, and how the run began and ended."""

from typing import Any, Final

from durable_workflow._kernel.bindings import WaitBinder, boundary_of
from durable_workflow._kernel.index import Diverged, Index
from durable_workflow._kernel.kind import Decode
from durable_workflow._kernel.kinds import KINDS_OF_EVENT
from durable_workflow._kernel.receivers import (
    RECEIVER_KINDS,
    Receiver,
    ReceiverQueue,
    ReceiverReader,
)
from durable_workflow._wire import names
from durable_workflow._wire.events import Event, text
from durable_workflow.workflow._context import parse_time

_TERMINAL: Final = names.events_with(names.Trait.CLOSES)
# The second spelling is of old exports.
_UPDATE_ACCEPTED: Final = frozenset({names.UPDATE_ACCEPTED, "update_accepted"})
# What `_read_lifecycle` reads; most events are others.
_LIFECYCLE: Final = (
    _TERMINAL
    | _UPDATE_ACCEPTED
    | {names.WORKFLOW_STARTED, names.SIGNAL_NOT_APPLIED, names.UPDATE_COMPLETED}
)
_MID_TASK: Final = names.events_with(names.Trait.MID_TASK)
_EVENT_CLOCK = "event"


class History:
    """The events that were fed, read once.

    Attributes:
        index: The steps.
        accepted: Last `UpdateAccepted` of each update that is not completed.
        last_sequence: Highest event sequence.
        started: `WorkflowStarted` was seen.
        start_time: When the run began, as recorded, or None.
        ordered: The server records events in the order in which the code saw them.
        terminal: The run is closed.
        closing: The event that closed it.
        failed: It is closed because the workflow failed.
        noted: Sequences of signals for which history has a `SignalNotApplied`.
        awaited: Id of the update that was run and must be the next event, and the stop it ran at.
    """

    def __init__(
        self, decode: Decode, codec: str | None, workflow_id: str | None, run_id: str
    ) -> None:
        def decode_field(value: Any, field_codec: Any) -> Any:
            return decode(value, field_codec or codec or "json")

        self.index = Index(KINDS_OF_EVENT, decode_field)
        self.accepted: dict[str, Event] = {}
        self.last_sequence = 0
        self.started = False
        self.start_time: str | None = None
        self.ordered = False
        self.terminal = False
        self.closing: Event | None = None
        self.failed = False
        self.noted: set[int] = set()
        self.awaited: tuple[str, int] | None = None
        self._moves_clock = False
        self._reader = ReceiverReader(decode_field, codec, workflow_id, run_id)
        self._binder = WaitBinder()
        self._any_receiver = False
        self._completed_updates: list[str] = []

    def add(self, event: Event, receivers: ReceiverQueue) -> None:
        """Read one event; a receiver goes to the end of the queue.

        Raises:
            Diverged: An update was run, and another event is recorded in its place.
        """
        self.last_sequence = max(self.last_sequence, event.sequence or 0)
        self.index.add(event)
        ran_at = self._awaited_at(event) if self.awaited is not None else None
        if event.event_type in RECEIVER_KINDS:
            receiver = self._reader.read(event, self.index)
            if receiver is not None:
                receiver.ran_at = ran_at
            if receiver is not None and not self.terminal:  # nothing reaches a closed run
                self._any_receiver = True
                receivers.add(receiver)
                if not self.ordered:
                    self._binder.receiver(receiver, event.workflow_sequence)
        elif not self.ordered:
            self._bind_around(event)
        self._read_lifecycle(event)

    @property
    def pending_updates(self) -> list[str]:
        """Updates that are accepted and have no outcome, oldest first."""
        completed = set(self._completed_updates)
        return [update_id for update_id in self.accepted if update_id not in completed]

    def take_rebound(self) -> list[Receiver]:
        """Applied receivers that events since the last call bound to another wait."""
        rebound, self._binder.rebound = self._binder.rebound, []
        return rebound

    def forget_completed_updates(self) -> None:
        """Drop updates that are completed: a kept machine will not be asked to run them."""
        for update_id in self._completed_updates:
            self.accepted.pop(update_id, None)
        self._completed_updates.clear()

    def update_arguments(self, event: Event, name: str) -> list[Any]:
        """The decoded arguments of an accepted update.

        Raises:
            WorkflowPayloadDecodeError: They cannot be decoded.
        """
        return self._reader.arguments(event, RECEIVER_KINDS[names.UPDATE_APPLIED], name)

    def clock(self, time: str | None) -> str | None:
        """An event's time where the run's clock moves with events, else None."""
        return time if self._moves_clock else None

    def time_of(self, event: Event | None) -> str | None:
        """The clock's value at an event."""
        return self.clock(event.time) if event is not None else None

    def _awaited_at(self, event: Event) -> int | None:
        """The stop at which the update ran that this event says was applied."""
        assert self.awaited is not None
        if event.event_type in _MID_TASK:
            return None
        update_id, stop_number = self.awaited
        if event.event_type != names.UPDATE_APPLIED or event.payload.get("update_id") != update_id:
            raise Diverged
        self.awaited = None
        return stop_number

    def _bind_around(self, event: Event) -> None:
        if event.event_type == names.CONDITION_WAIT_OPENED:
            wait = self.index.wait(text(event.payload, "condition_wait_id"))
            if wait is not None:
                self._binder.wait_opened(wait)
            return
        boundary = boundary_of(event)
        if boundary is not None:
            self._binder.boundary(boundary)

    def _read_lifecycle(self, event: Event) -> None:
        event_type = event.event_type
        if event_type not in _LIFECYCLE:
            return
        if event_type == names.WORKFLOW_STARTED:
            self._read_start(event)
        elif event_type in _UPDATE_ACCEPTED:
            update_id = text(event.payload, "update_id")
            if update_id is not None:
                self.accepted[update_id] = event
        elif event_type == names.SIGNAL_NOT_APPLIED:
            sequence = event.payload.get("signal_sequence")
            if isinstance(sequence, int):
                self.noted.add(sequence)
        elif event_type == names.UPDATE_COMPLETED:
            self._completed_updates.append(text(event.payload, "update_id") or "")
        elif event_type in _TERMINAL:
            self.terminal = True
            self.closing = event
            self.failed = event_type == names.WORKFLOW_FAILED

    def _read_start(self, event: Event) -> None:
        if self.started:
            return
        self.started = True
        times = (text(event.payload, "timestamp"), event.time)
        self.start_time = next((t for t in times if t is not None and parse_time(t)), None)
        # A server that sets the clock by events promises that their order is the order in which the
        # code saw them: events that arrive while a task is leased are recorded after its
        # completion (worker-protocol R4).
        self._moves_clock = event.payload.get("clock") == _EVENT_CLOCK
        self.ordered = self._moves_clock and not self._any_receiver and self.index.created == 0
