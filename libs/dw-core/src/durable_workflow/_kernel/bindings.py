"""Receivers in histories whose order is not the order in which the code saw the events.

A server that does not buffer may record a signal between the claim of a task and its completion,
before the events of that completion, although the worker had not seen the signal. Only the order of
the events around the waits then tells to which wait the signal belongs.
"""

from enum import Enum
from typing import Final

from durable_workflow._kernel.index import Diverged
from durable_workflow._kernel.receivers import Receiver
from durable_workflow._kernel.steps import WaitStep
from durable_workflow._wire import names
from durable_workflow._wire.events import Event


class Boundary(Enum):
    """Kinds of events that show that a task was completed, or that the code went on."""

    CONDITION = "condition"
    STEP = "step"


_STEP_BOUNDARIES: Final = names.events_with(names.Trait.STEP_BOUNDARY)
_WAIT_BOUNDARIES: Final = names.events_with(names.Trait.WAIT_BOUNDARY)


def boundary_of(event: Event) -> Boundary | None:
    """What kind of boundary an event is, if any."""
    timer_kind = event.payload.get("timer_kind")
    if timer_kind in names.WAIT_TIMER_KINDS:
        ends_wait = event.event_type in (names.TIMER_FIRED, names.TIMER_CANCELLED)
        return Boundary.CONDITION if ends_wait and timer_kind == names.CONDITION_TIMEOUT else None
    if event.event_type in _WAIT_BOUNDARIES:
        return Boundary.CONDITION
    return Boundary.STEP if event.event_type in _STEP_BOUNDARIES else None


class WaitBinder:
    """Binds receivers to waits by the order of events (history-events 6.4).

    A binding that only the end of history could confirm is made at once, provisionally. If later
    events change the binding of a receiver that was already applied, it is listed in `rebound`.
    """

    def __init__(self) -> None:
        self.rebound: list[Receiver] = []
        self._prefix: list[Receiver] = []
        self._prefix_binds = True
        self._current: WaitStep | None = None
        self._since: list[Receiver] = []
        self._undecided: dict[int, Receiver] = {}

    def receiver(self, receiver: Receiver, sequence: int | None) -> None:
        """A signal or update was recorded."""
        if self._current is not None:
            # Only the first certainly belongs to the current wait; see wait_opened.
            self._since.append(receiver)
            self._bind(receiver, self._current)
        elif self._prefix_binds or sequence is None:
            self._prefix.append(receiver)
        else:
            self._undecided[sequence] = receiver

    def wait_opened(self, wait: WaitStep) -> None:
        """A wait was opened.

        It gets the receivers recorded while the task that opened it was leased.
        """
        if self._current is not None:
            mine = self._since[1:]
        else:
            mine = self._prefix if self._prefix_binds else []
            for receiver in mine:
                receiver.early = True
        if wait.sequence is not None and wait.sequence in self._undecided:
            mine = [*mine, self._undecided.pop(wait.sequence)]
        for receiver in mine:
            self._bind(receiver, wait)
        self._prefix, self._prefix_binds = [], True
        self._current, self._since = wait, []

    def boundary(self, kind: Boundary) -> None:
        """A boundary was recorded: provisional bindings become final."""
        if self._current is not None:
            self._current, self._since = None, []
            self._prefix_binds = kind is Boundary.CONDITION
        elif kind is Boundary.STEP:
            self._prefix, self._prefix_binds = [], False

    def _bind(self, receiver: Receiver, wait: WaitStep) -> None:
        if wait.taken:
            raise Diverged
        if receiver.applied_at is not None:
            self.rebound.append(receiver)
            receiver.wait = wait
            return
        if receiver.wait is not None:
            receiver.wait.waiting -= 1
        receiver.wait = wait
        wait.waiting += 1
