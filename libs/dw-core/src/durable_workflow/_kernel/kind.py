"""What the machine needs to know about a command kind: one subclass for each kind."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from durable_workflow._kernel.steps import Resolution
from durable_workflow._wire import json_text
from durable_workflow._wire.events import Event
from durable_workflow._wire.json_values import is_object

if TYPE_CHECKING:
    from durable_workflow._kernel.replay_state import Stop

C = TypeVar("C")

# Decodes a payload field with the codec that stands beside it.
Decode: TypeAlias = Callable[[Any, Any], Any]
Reader: TypeAlias = Callable[[Event, Decode], Resolution]


class StepRecorder(Protocol):
    """The index of steps, as the kinds write to it."""

    decode: Decode

    def opened(self, kind: "Kind[Any]", event: Event) -> None:
        """A command was recorded."""

    def resolved(self, kind: "Kind[Any]", event: Event, reader: Reader) -> None:
        """A command ended."""

    def wait_opened(self, kind: "Kind[Any]", event: Event, wait_id: str) -> None:
        """A condition wait was opened."""

    def wait_resolved(self, event: Event, wait_id: str, resolution: Resolution) -> None:
        """A condition wait was satisfied or timed out."""


class Kind(ABC, Generic[C]):
    """One command kind.

    Attributes:
        shape: The word that non-determinism errors use.
        opens: Event types that show the command was recorded.
        resolves: Event types that end it, with the reader of the resolution.
        in_lists: A yielded list may have it as a member.
    """

    shape: ClassVar[str]
    opens: ClassVar[frozenset[str]] = frozenset()
    resolves: ClassVar[Mapping[str, Reader]] = {}
    in_lists: ClassVar[bool] = False

    @abstractmethod
    def stop(self, command: C) -> "Stop":
        """Where the code stands when it yields this command."""

    def claims(self, event: Event) -> bool:
        """Whether an event of one of these types is about this kind."""
        return True

    def record(self, event: Event, index: "StepRecorder") -> None:
        """Put an event of this kind into the index."""
        reader = self.resolves.get(event.event_type)
        if reader is None:
            index.opened(self, event)
        else:
            index.resolved(self, event, reader)

    def recorded_detail(self, event: Event) -> str | None:
        """A detail that must be the same in every replay, as an event records it."""
        return None

    def asked_detail(self, command: C) -> str | None:
        """The same detail, as the code asks for it."""
        return None

    def difference(self, recorded: str, asked: str) -> str:
        """A sentence about two details that differ."""
        return f"Recorded {recorded!r}, but current workflow asked for {asked!r}."


def payload_result(event: Event, decode: Decode) -> Resolution:
    """The decoded result of an event: `result`, or `output` where there is no such key.

    A worker of any language may report plain JSON, which servers record as it came.
    """
    payload = event.payload
    value = payload["result"] if "result" in payload else payload.get("output")
    if _is_plain(value):
        # A copy, because the code may change what it gets.
        return Resolution(json_text.decode(json_text.encode(value)))
    return Resolution(decode(value, payload.get("payload_codec")))


def _is_plain(value: object) -> bool:
    """Whether a recorded value is the data itself: neither a blob nor an envelope."""
    if is_object(value):
        return "external_storage" not in value and not ("codec" in value and "blob" in value)
    return value is not None and not isinstance(value, str)


def nothing(event: Event, decode: Decode) -> Resolution:
    """The resolution of an event that carries no value."""
    return Resolution(None)
