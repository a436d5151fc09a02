"""A recorded history, in each of the forms in which it is passed around.

A list of events; the document that a server answers with; an exported bundle. They differ in where
they say of which workflow they are and what it was started with.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from durable_workflow import serializer
from durable_workflow._kernel.kind import Decode
from durable_workflow._wire import names
from durable_workflow._wire.events import nested, text
from durable_workflow._wire.json_values import is_list, is_object

# Where a document has its events; the first that is there counts.
HISTORY_KEYS: Final = ("events", "history_events", "history")
# What `WorkflowStarted` and documents of other tools call the start input.
_INPUT_KEYS: Final = ("input_envelope", "input", "arguments")
_TYPE_KEY: Final = "workflow_type"


@dataclass(slots=True)
class Recording:
    """One recorded run.

    Attributes:
        events: Its events, in order.
        document: What stands beside the events; empty for a bare list.
    """

    events: Sequence[Mapping[str, Any]]
    document: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def workflow_type(self) -> str | None:
        """The type that the first event to name one names, else that of the document."""
        for event in self.events:
            found = text(nested(event, "payload"), _TYPE_KEY) or text(event, _TYPE_KEY)
            if found is not None:
                return found
        return self._of_run(_TYPE_KEY)

    @property
    def workflow_id(self) -> str | None:
        """The workflow's id, or None where nothing says it."""
        started = nested(self._started, "payload")
        return text(started, "workflow_instance_id") or self._of_run("workflow_id", "instance_id")

    @property
    def run_id(self) -> str | None:
        """The run's id, from which everything random of the run is derived; None if unknown."""
        return text(nested(self._started, "payload"), "workflow_run_id") or self._of_run("run_id")

    @property
    def payload_codec(self) -> str | None:
        """The codec of payloads that name none."""
        return self._of_run("payload_codec") or text(nested(self.document, "payloads"), "codec")

    def arguments(self, codec: str | None, decode: Decode) -> list[Any]:
        """The start input, decoded; an empty list where nothing says it.

        Args:
            codec: The codec of blobs that name none.
            decode: Decodes a value, given its codec.
        Raises:
            ValueError: A blob does not decode.
        """
        for value, own_codec in self._inputs():
            if value is not None:
                decoded = value
                if isinstance(value, str) or (is_object(value) and "codec" in value):
                    decoded = decode(value, own_codec or codec or serializer.JSON_CODEC)
                return _as_arguments(decoded)
        return []

    @property
    def has_input(self) -> bool:
        """Whether anything says what the run was started with."""
        return any(value is not None for value, _ in self._inputs())

    def _inputs(self) -> Iterable[tuple[Any, str | None]]:
        """Where a start input may stand, with the codec that stands beside it."""
        started = nested(self._started, "payload")
        for key in _INPUT_KEYS:
            yield started.get(key), text(started, "payload_codec")
        for key in ("start_input", *_INPUT_KEYS):
            yield self.document.get(key), self.payload_codec
        # An exported bundle.
        exported = nested(nested(self.document, "payloads"), "arguments")
        yield exported.get("data"), self.payload_codec
        # A server that keeps what it was asked to start.
        accepted = nested(nested(self._first(names.START_ACCEPTED), "payload"), "command")
        yield accepted.get("payload"), text(accepted, "payload_codec")

    @property
    def _started(self) -> Mapping[str, Any]:
        return self._first(names.WORKFLOW_STARTED)

    def _first(self, event_type: str) -> Mapping[str, Any]:
        for event in self.events:
            if text(event, "event_type", "type") == event_type:
                return event
        return {}

    def _of_run(self, *keys: str) -> str | None:
        """A member of the document, or of a bundle's `workflow`."""
        return text(self.document, *keys) or text(nested(self.document, "workflow"), *keys)


def read_recording(history: object) -> Recording:
    """Read a history in any of its forms.

    Args:
        history: Events, or an object that has them under `events`, `history_events` or `history`.
    Raises:
        ValueError: It is neither, or an event is not an object; the text says which.
    """
    if not is_object(history):
        return Recording(_events(history, "a history"))
    for key in HISTORY_KEYS:
        if key in history:
            beside = {name: value for name, value in history.items() if name != key}
            return Recording(_events(history[key], f"the history's {key!r}"), beside)
    wanted = ", ".join(repr(key) for key in HISTORY_KEYS)
    raise ValueError(f"a history that is an object has its events under one of {wanted}")


def _events(value: object, where: str) -> Sequence[Mapping[str, Any]]:
    if not is_sequence(value):
        raise ValueError(f"{where} must be a list of events, not {type(value).__name__}")
    events = value if is_list(value) else list(value)
    for number, event in enumerate(events, 1):
        if not is_object(event):
            raise ValueError(
                f"event {number} of {where} must be an object, not {type(event).__name__}"
            )
    return events


def is_sequence(value: object) -> TypeGuard[Iterable[Any]]:
    """Whether a value is several others, rather than a text or an object."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _as_arguments(value: Any) -> list[Any]:
    return list(value) if is_list(value) else [value]
