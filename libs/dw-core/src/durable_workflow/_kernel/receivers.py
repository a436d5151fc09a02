"""Signals and updates in history: when each of them is applied to the workflow's state.

Receivers form one queue and are applied strictly in recorded order. When one is due is decided in
one of two ways:

* By position: at the first stop of the code by which every step recorded before the receiver has
  been yielded, and which was not already over when the receiver was recorded.
* By wait: when a particular recorded wait is examined, before its predicate is tested.

A server that buffers the events that arrive while a task is leased records events in the order in
which the code saw them. In such a history the position is exact. For other servers see
`bindings.py`.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from durable_workflow._kernel.index import Index
from durable_workflow._kernel.kind import Decode
from durable_workflow._kernel.steps import WaitStep
from durable_workflow._wire import names
from durable_workflow._wire.events import Event, text
from durable_workflow._wire.json_values import is_list, is_object
from durable_workflow.errors import WorkflowPayloadDecodeError

UNTIL_RESOLVED: Final = math.inf
_HEAD_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class ReceiverKind:
    """What differs between signals and updates."""

    word: str
    name_key: str
    argument_keys: tuple[str, ...]


RECEIVER_KINDS: Final = {
    names.SIGNAL_RECEIVED: ReceiverKind("signal", "signal_name", ("value", "input", "arguments")),
    names.UPDATE_APPLIED: ReceiverKind("update", "update_name", ("arguments",)),
}


@dataclass(slots=True, eq=False)
class Receiver:
    """One recorded signal or applied update.

    Attributes:
        kind: `signal` or `update`.
        name: Its name on the wire.
        arguments: Decoded positional arguments.
        time: When it was recorded.
        position: Its position in history.
        sequence: Sequence of its event, or None where history has none.
        opened: How many steps were recorded before it.
        wait: The wait it is bound to, or None.
        early: It was recorded while no wait was open.
        applied_at: Number of the stop at which it was applied, or None.
        ran_at: Number of the stop at which the machine ran it as an update to be answered, before
            it was in history; None if the machine did not.
    """

    kind: str
    name: str
    arguments: list[Any]
    time: str | None
    position: int
    opened: int
    sequence: int | None = None
    wait: WaitStep | None = None
    early: bool = False
    applied_at: int | None = None
    ran_at: int | None = None


class ReceiverQueue:
    """Receivers that have not been applied, in recorded order.

    Attributes:
        waiting: The receivers, oldest first.
    """

    def __init__(self) -> None:
        self.waiting: deque[Receiver] = deque()

    def add(self, receiver: Receiver) -> None:
        """Append a receiver."""
        self.waiting.append(receiver)

    def next_by_position(self, reached: int, until: float = UNTIL_RESOLVED) -> Receiver | None:
        """Remove and return the head if it is due at a stop of the code.

        Args:
            reached: How many recorded steps the code has yielded.
            until: Position of the event that ends the stop.
        """
        if not self.due(reached, until):
            return None
        return self.waiting.popleft()

    def due(self, reached: int, until: float = UNTIL_RESOLVED, *, since: int = 0) -> bool:
        """Whether the head is to be applied at such a stop, and was recorded after a position."""
        if not self.waiting:
            return False
        head = self.waiting[0]
        return head.wait is None and head.opened <= reached and since < head.position < until

    def next_of_wait(self, wait: WaitStep, *, early_within: int | None = None) -> Receiver | None:
        """Remove and return the head if it is bound to this wait.

        Args:
            wait: The wait that is examined.
            early_within: If given, only a receiver that was recorded before any wait was open, and
                after at most this many steps.
        """
        if not self.waiting:
            return None
        head = self.waiting[0]
        too_late = early_within is not None and not (head.early and head.opened <= early_within)
        if head.wait is not wait or too_late:
            return None
        wait.waiting -= 1
        return self.waiting.popleft()

    def any_after(self, position: int) -> bool:
        """Whether a receiver that was recorded after a position has not been applied."""
        return bool(self.waiting) and self.waiting[-1].position > position

    def __len__(self) -> int:
        return len(self.waiting)


@dataclass(frozen=True, slots=True)
class ReceiverReader:
    """Reads the receivers of one run. The error of an undecodable payload names run and event."""

    decode: Decode
    codec: str | None
    workflow_id: str | None
    run_id: str

    def read(self, event: Event, index: Index) -> Receiver | None:
        """The receiver that an event is, or None for one without a name.

        Raises:
            WorkflowPayloadDecodeError: Its arguments cannot be decoded.
        """
        kind = RECEIVER_KINDS[event.event_type]
        name = text(event.payload, kind.name_key)
        if name is None:
            return None
        arguments = self.arguments(event, kind, name)
        return Receiver(
            kind.word,
            name,
            arguments,
            event.time,
            index.position,
            index.created,
            event.sequence,
        )

    def arguments(self, event: Event, kind: ReceiverKind, name: str) -> list[Any]:
        """The decoded arguments of an event.

        Raises:
            WorkflowPayloadDecodeError: They cannot be decoded.
        """
        payload = event.payload
        present = (payload[key] for key in kind.argument_keys if payload.get(key) is not None)
        raw = next(present, None)
        try:
            return as_arguments(self.decode(raw, payload.get("payload_codec")))
        except Exception as error:
            codec, head = _codec_and_head(raw, payload.get("payload_codec") or self.codec)
            raise WorkflowPayloadDecodeError(
                f"cannot decode arguments of {kind.word} {name!r} with codec {codec!r}: {error}",
                workflow_id=self.workflow_id,
                run_id=self.run_id or None,
                event_id=event.event_id,
                receiver_kind=kind.word,
                receiver_name=name,
                codec=codec,
                payload_head=head,
                exception_type=type(error).__name__,
            ) from error


def as_arguments(value: Any) -> list[Any]:
    """An argument list: None is an empty one, and a value that is not a list is one argument."""
    if value is None:
        return []
    return value if is_list(value) else [value]


def _codec_and_head(raw: Any, fallback: Any) -> tuple[str, str]:
    codec, blob = fallback, raw
    if is_object(raw):
        codec, blob = raw.get("codec", fallback), raw.get("blob", raw)
    return str(codec or "json"), str(blob)[:_HEAD_CHARACTERS]
