"""From commands to the objects that a completion carries, all payloads encoded in one batch.

A command names its payload with a `Payload`, and its other wire fields itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any, ClassVar, TypeAlias, overload

from durable_workflow import serializer
from durable_workflow.external_storage import ExternalStorageDriver
from durable_workflow.serializer import DEFAULT_PAYLOAD_SIZE_WARNING

PayloadWarningContext: TypeAlias = serializer.PayloadSizeWarningContext | Mapping[str, Any] | None
_SizeWarning: TypeAlias = serializer.PayloadSizeWarningConfig | None


@dataclass(frozen=True, slots=True)
class Payload:
    """The one payload of a command: where it goes, and what a size warning calls it."""

    field: str
    value: Any
    kind: str
    labels: Mapping[str, str | None]
    bare: bool = False  # the blob itself instead of an envelope around it


class Wired(ABC):
    """A command that becomes a wire object without a payload."""

    wire_type: ClassVar[str]

    @abstractmethod
    def _fields(self, task_queue: str) -> dict[str, Any]:
        """Wire fields besides `type`, with None in the place of the payload."""

    def _payload(self, task_queue: str) -> Payload | None:
        return None

    def _plain_json(self) -> Any | None:
        """A value that is sent as plain JSON, for the warning about its size."""
        return None

    def to_server_command(
        self,
        task_queue: str,
        *,
        payload_codec: str = "avro",
        size_warning: serializer.PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
        warning_context: PayloadWarningContext = None,
    ) -> dict[str, Any]:
        """The wire object of this command.

        Args:
            task_queue: Queue of work that names none of its own.
            payload_codec: `avro` or `json`.
            size_warning: When to warn of large payloads; None never does.
            warning_context: What such a warning says besides the command.
        Raises:
            ValueError: A timeout or retry policy is out of range.
        """
        return commands_to_server_commands(
            [self],
            task_queue,
            payload_codec=payload_codec,
            size_warning=size_warning,
            warning_context=warning_context,
        )[0]


class PayloadWired(Wired):
    """A command whose payload may be offloaded to external storage."""

    def to_server_command(
        self,
        task_queue: str,
        *,
        payload_codec: str = "avro",
        size_warning: serializer.PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
        warning_context: PayloadWarningContext = None,
        external_storage: ExternalStorageDriver | None = None,
        external_storage_threshold_bytes: int | None = None,
    ) -> dict[str, Any]:
        """The wire object of this command.

        Args:
            task_queue: Queue of work that names none of its own.
            payload_codec: `avro` or `json`.
            size_warning: When to warn of large payloads; None never does.
            warning_context: What such a warning says besides the command.
            external_storage: Where payloads above the threshold go; None keeps all inline.
            external_storage_threshold_bytes: Largest inline blob, in UTF-8 bytes of its text.
        Raises:
            ValueError: A timeout or retry policy is out of range.
            TypeError: The payload cannot be encoded.
        """
        return commands_to_server_commands(
            [self],
            task_queue,
            payload_codec=payload_codec,
            size_warning=size_warning,
            warning_context=warning_context,
            external_storage=external_storage,
            external_storage_threshold_bytes=external_storage_threshold_bytes,
        )[0]


def commands_to_server_commands(
    commands: Sequence[Wired],
    task_queue: str,
    *,
    payload_codec: str = "avro",
    size_warning: serializer.PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
    warning_context: PayloadWarningContext = None,
    external_storage: ExternalStorageDriver | None = None,
    external_storage_threshold_bytes: int | None = None,
) -> list[dict[str, Any]]:
    """The wire objects of a whole completion, in order, its payloads encoded in one batch.

    Args:
        commands: What replay returned.
        task_queue: Queue of work that names none of its own.
        payload_codec: `avro` or `json`.
        size_warning: When to warn of large payloads; None never does.
        warning_context: What such a warning says besides the command.
        external_storage: Where payloads above the threshold go; None keeps all inline.
        external_storage_threshold_bytes: Largest inline blob, in UTF-8 bytes of its text.
    Raises:
        ValueError: A timeout or retry policy is out of range.
        TypeError: A payload cannot be encoded.
    """
    wired: list[dict[str, Any]] = [
        {"type": command.wire_type, **command._fields(task_queue)}  # pyright: ignore[reportPrivateUsage]
        for command in commands
    ]
    payloads = [
        (wire, payload)
        for wire, command in zip(wired, commands, strict=True)
        if (payload := command._payload(task_queue)) is not None  # pyright: ignore[reportPrivateUsage]
    ]
    for wire, payload, encoded in _encode(
        payloads,
        payload_codec,
        size_warning,
        warning_context,
        external_storage,
        external_storage_threshold_bytes,
    ):
        wire[payload.field] = encoded
    _warn_of_plain_json(commands, task_queue, size_warning, warning_context)
    return wired


def _encode(
    payloads: list[tuple[dict[str, Any], Payload]],
    codec: str,
    size_warning: _SizeWarning,
    warning_context: PayloadWarningContext,
    storage: ExternalStorageDriver | None,
    threshold: int | None,
) -> list[tuple[dict[str, Any], Payload, Any]]:
    """Each wire object with its payload encoded: envelopes in one batch, bare blobs in another."""
    encoded: list[tuple[dict[str, Any], Payload, Any]] = []
    for bare in (False, True):
        batch = [entry for entry in payloads if entry[1].bare is bare]
        if not batch:
            continue
        values = [payload.value for _, payload in batch]
        contexts = _Contexts(warning_context, batch)
        blobs: Sequence[Any]
        if storage is not None and threshold is not None:
            envelopes = serializer.external_storage_envelope_many(
                values,
                external_storage=storage,
                threshold_bytes=threshold,
                codec=codec,
                size_warning=size_warning,
                warning_context=contexts,
            )
            # A bare field holds the blob alone; only an offloaded value keeps its envelope.
            blobs = [e["blob"] if bare and "blob" in e else e for e in envelopes]
        elif bare:
            blobs = serializer.encode_many(
                values, codec, size_warning=size_warning, warning_context=contexts
            )
        else:
            blobs = serializer.envelope_many(
                values, codec, size_warning=size_warning, warning_context=contexts
            )
        encoded += [
            (wire, payload, blob) for (wire, payload), blob in zip(batch, blobs, strict=True)
        ]
    return encoded


class _Contexts(Sequence[PayloadWarningContext]):
    """What a warning says of each payload, put together where there is one to be logged."""

    def __init__(
        self, context: PayloadWarningContext, batch: list[tuple[dict[str, Any], Payload]]
    ) -> None:
        self._context = context
        self._batch = batch

    def __len__(self) -> int:
        return len(self._batch)

    @overload
    def __getitem__(self, place: int) -> PayloadWarningContext: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[PayloadWarningContext]: ...

    def __getitem__(
        self, place: int | slice
    ) -> PayloadWarningContext | Sequence[PayloadWarningContext]:
        if isinstance(place, slice):
            return _Contexts(self._context, self._batch[place])
        payload = self._batch[place][1]
        return _warning_labels(self._context, payload.kind, payload.labels)


def _warn_of_plain_json(
    commands: Sequence[Wired],
    task_queue: str,
    size_warning: _SizeWarning,
    warning_context: PayloadWarningContext,
) -> None:
    for command in commands:
        value = command._plain_json()  # pyright: ignore[reportPrivateUsage]
        if value is not None and size_warning is not None:
            serializer.warn_if_json_payload_near_limit(
                value,
                size_warning=size_warning,
                warning_context=_warning_labels(
                    warning_context, "search_attributes", {"task_queue": task_queue}
                ),
            )


def _warning_labels(
    context: PayloadWarningContext, kind: str, labels: Mapping[str, str | None]
) -> dict[str, Any]:
    """The caller's labels; those of the command take precedence."""
    given: dict[str, Any]
    if context is None:
        given = {}
    elif is_dataclass(context):
        given = {**vars(context)}  # `asdict` copies in depth, at each command
    else:
        given = dict(context)
    return given | present(labels) | {"kind": kind}


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
