"""What workflow code yields, and the form in which a completion carries it.

Every command is a plain dataclass that knows its own wire fields. A command with a payload names
it with a `_Payload`, so that a whole completion is encoded in one batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any, ClassVar, TypeAlias, cast

from durable_workflow import serializer
from durable_workflow._wire import names
from durable_workflow.external_storage import ExternalStorageDriver
from durable_workflow.serializer import DEFAULT_PAYLOAD_SIZE_WARNING
from durable_workflow.workflow._policies import (
    ActivityRetryPolicyInput,
    ChildWorkflowRetryPolicyInput,
    wire_retry_policy,
)

PayloadWarningContext: TypeAlias = serializer.PayloadSizeWarningContext | Mapping[str, Any] | None
_SizeWarning: TypeAlias = serializer.PayloadSizeWarningConfig | None


@dataclass(frozen=True, slots=True)
class _Payload:
    """The one payload of a command: where it goes, and what a size warning calls it."""

    field: str
    value: Any
    kind: str
    labels: Mapping[str, str | None]
    bare: bool = False  # the blob itself instead of an envelope around it


class _Wired:
    """A command that becomes a wire object without a payload."""

    wire_type: ClassVar[str]

    def _fields(self, task_queue: str) -> dict[str, Any]:
        """Wire fields besides `type`, with None in the place of the payload."""
        raise NotImplementedError(type(self).__name__)

    def _payload(self, task_queue: str) -> _Payload | None:
        return None

    def _plain_json(self) -> Any | None:
        """A value that goes out as plain JSON and is watched for its size."""
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
            [cast("Command", self)],
            task_queue,
            payload_codec=payload_codec,
            size_warning=size_warning,
            warning_context=warning_context,
        )[0]


class _PayloadWired(_Wired):
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
            [cast("Command", self)],
            task_queue,
            payload_codec=payload_codec,
            size_warning=size_warning,
            warning_context=warning_context,
            external_storage=external_storage,
            external_storage_threshold_bytes=external_storage_threshold_bytes,
        )[0]


@dataclass
class ScheduleActivity(_PayloadWired):
    """Run an activity and wait for its result. Timeouts are in seconds."""

    wire_type: ClassVar[str] = names.SCHEDULE_ACTIVITY

    activity_type: str
    arguments: list[Any]
    queue: str | None = None
    retry_policy: ActivityRetryPolicyInput | None = None
    start_to_close_timeout: int | None = None
    schedule_to_start_timeout: int | None = None
    schedule_to_close_timeout: int | None = None
    heartbeat_timeout: int | None = None

    def _fields(self, task_queue: str) -> dict[str, Any]:
        timeouts = {
            "start_to_close_timeout": self.start_to_close_timeout,
            "schedule_to_start_timeout": self.schedule_to_start_timeout,
            "schedule_to_close_timeout": self.schedule_to_close_timeout,
            "heartbeat_timeout": self.heartbeat_timeout,
        }
        _check_timeouts(timeouts, _ACTIVITY_ORDER)
        return {
            "activity_type": self.activity_type,
            "arguments": None,
            "queue": self.queue or task_queue,
            **_optional_policy(self.retry_policy),
            **_present(timeouts),
        }

    def _payload(self, task_queue: str) -> _Payload:
        labels = {"activity_name": self.activity_type, "task_queue": self.queue or task_queue}
        return _Payload("arguments", self.arguments, "activity_input", labels)


@dataclass
class StartTimer(_Wired):
    """Sleep durably, in whole seconds."""

    wire_type: ClassVar[str] = names.START_TIMER

    delay_seconds: int

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {"delay_seconds": self.delay_seconds}


@dataclass
class CompleteWorkflow(_PayloadWired):
    """End the run with a result."""

    wire_type: ClassVar[str] = names.COMPLETE_WORKFLOW

    result: Any

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {"result": None}

    def _payload(self, task_queue: str) -> _Payload:
        return _Payload("result", self.result, "workflow_result", {"task_queue": task_queue})


@dataclass
class FailWorkflow(_Wired):
    """End the run in failure."""

    wire_type: ClassVar[str] = names.FAIL_WORKFLOW

    message: str
    exception_type: str | None = None
    non_retryable: bool = False

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {
            "message": self.message,
            **_present({"exception_type": self.exception_type}),
            **({"non_retryable": True} if self.non_retryable else {}),
        }


@dataclass
class CompleteUpdate(_PayloadWired):
    """Answer an accepted update with its handler's result."""

    wire_type: ClassVar[str] = names.COMPLETE_UPDATE

    update_id: str
    result: Any

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {"update_id": self.update_id, "result": None}

    def _payload(self, task_queue: str) -> _Payload:
        return _Payload("result", self.result, "update_result", {"task_queue": task_queue})


@dataclass
class FailUpdate(_PayloadWired):
    """End an accepted update in failure; the run goes on."""

    wire_type: ClassVar[str] = names.FAIL_UPDATE

    update_id: str
    message: str
    exception_type: str | None = None
    exception_class: str | None = None
    non_retryable: bool = True

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {
            "update_id": self.update_id,
            "message": self.message,
            **_present(
                {"exception_type": self.exception_type, "exception_class": self.exception_class}
            ),
            **({"non_retryable": True} if self.non_retryable else {}),
        }


@dataclass
class ContinueAsNew(_PayloadWired):
    """End the run and go on in a new one, of the same type unless another is named."""

    wire_type: ClassVar[str] = names.CONTINUE_AS_NEW

    workflow_type: str | None = None
    arguments: list[Any] = field(default_factory=list[Any])
    task_queue: str | None = None

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {
            "arguments": None,
            "queue": self.task_queue or task_queue,
            **_present({"workflow_type": self.workflow_type}),
        }

    def _payload(self, task_queue: str) -> _Payload:
        labels = {"workflow_type": self.workflow_type, "task_queue": self.task_queue or task_queue}
        return _Payload("arguments", self.arguments, "continue_as_new_input", labels)


@dataclass
class RecordSideEffect(_PayloadWired):
    """Record a value that the code must not compute twice.

    `ctx.side_effect(fn)` builds one without a value: `fn` is called when `result` is first asked
    for, which replay does only where history has none.
    """

    wire_type: ClassVar[str] = names.RECORD_SIDE_EFFECT

    result: Any

    @classmethod
    def deferred(cls, compute: Callable[[], Any]) -> "RecordSideEffect":
        """A side effect whose function has not been called yet."""
        command = cls.__new__(cls)
        command.__dict__["_compute"] = compute
        return command

    def __getattr__(self, name: str) -> Any:
        """Compute `result` on first use; reached only while it is not set."""
        compute = self.__dict__.get("_compute")
        if name != "result" or compute is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.result = compute()
        del self.__dict__["_compute"]
        return self.result

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {"result": None}

    def _payload(self, task_queue: str) -> _Payload:
        labels = {"task_queue": task_queue}
        return _Payload("result", self.result, "side_effect_result", labels, bare=True)


@dataclass
class StartChildWorkflow(_PayloadWired):
    """Start a child workflow and wait for its result. Timeouts are in seconds."""

    wire_type: ClassVar[str] = names.START_CHILD_WORKFLOW

    workflow_type: str
    arguments: list[Any] = field(default_factory=list[Any])
    task_queue: str | None = None
    parent_close_policy: str | None = None
    retry_policy: ChildWorkflowRetryPolicyInput | None = None
    execution_timeout_seconds: int | None = None
    run_timeout_seconds: int | None = None

    def _fields(self, task_queue: str) -> dict[str, Any]:
        timeouts = {
            "execution_timeout_seconds": self.execution_timeout_seconds,
            "run_timeout_seconds": self.run_timeout_seconds,
        }
        _check_timeouts(timeouts, _CHILD_ORDER)
        return {
            "workflow_type": self.workflow_type,
            "arguments": None,
            "queue": self.task_queue or task_queue,
            **_present({"parent_close_policy": self.parent_close_policy}),
            **_optional_policy(self.retry_policy),
            **_present(timeouts),
        }

    def _payload(self, task_queue: str) -> _Payload:
        labels = {"workflow_type": self.workflow_type, "task_queue": self.task_queue or task_queue}
        return _Payload("arguments", self.arguments, "child_workflow_input", labels)


@dataclass
class RecordVersionMarker(_Wired):
    """Fix which version of a change this run follows.

    Attributes:
        change_id: Name of the change.
        version: What a run that is here for the first time gets.
        min_supported: Oldest version that the code still knows.
        max_supported: Newest version.
        result_kind: What the yield returns: `version` the number, `patched` whether it is 1,
            `deprecate_patch` nothing. Never sent.
    """

    wire_type: ClassVar[str] = names.RECORD_VERSION_MARKER

    change_id: str
    version: int
    min_supported: int
    max_supported: int
    result_kind: str = "version"

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {
            "change_id": self.change_id,
            "version": self.version,
            "min_supported": self.min_supported,
            "max_supported": self.max_supported,
        }


@dataclass
class UpsertSearchAttributes(_Wired):
    """Set search attributes of the run; None deletes one."""

    wire_type: ClassVar[str] = names.UPSERT_SEARCH_ATTRIBUTES

    attributes: dict[str, Any]

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {"attributes": dict(self.attributes)}

    def _plain_json(self) -> Any:
        return self.attributes


@dataclass
class WaitCondition(_Wired):
    """Wait until a predicate over the workflow's state is true, or a timeout passes."""

    wire_type: ClassVar[str] = names.OPEN_CONDITION_WAIT

    predicate: Callable[[], bool]
    condition_key: str | None = None
    condition_definition_fingerprint: str | None = None
    timeout_seconds: int | None = None

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return _present(
            {
                "condition_key": self.condition_key,
                "condition_definition_fingerprint": self.condition_definition_fingerprint,
                "timeout_seconds": self.timeout_seconds,
            }
        )


Command: TypeAlias = (
    ScheduleActivity
    | StartTimer
    | CompleteWorkflow
    | FailWorkflow
    | CompleteUpdate
    | FailUpdate
    | ContinueAsNew
    | RecordSideEffect
    | StartChildWorkflow
    | RecordVersionMarker
    | UpsertSearchAttributes
    | WaitCondition
)


def commands_to_server_commands(
    commands: Sequence[Command],
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
    payloads: list[tuple[dict[str, Any], _Payload]],
    codec: str,
    size_warning: _SizeWarning,
    warning_context: PayloadWarningContext,
    storage: ExternalStorageDriver | None,
    threshold: int | None,
) -> list[tuple[dict[str, Any], _Payload, Any]]:
    """Each wire object with its payload encoded: envelopes in one batch, bare blobs in another."""
    encoded: list[tuple[dict[str, Any], _Payload, Any]] = []
    for bare in (False, True):
        batch = [entry for entry in payloads if entry[1].bare is bare]
        if not batch:
            continue
        values = [payload.value for _, payload in batch]
        contexts = [_warning_labels(warning_context, p.kind, p.labels) for _, p in batch]
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


def _warn_of_plain_json(
    commands: Sequence[Command],
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
    """The caller's labels, overlaid with what this command knows better."""
    given: dict[str, Any]
    if context is None:
        given = {}
    elif is_dataclass(context):
        given = asdict(context)
    else:
        given = dict(context)
    return given | _present(labels) | {"kind": kind}


# Each pair says that the first timeout may not exceed the second.
_ACTIVITY_ORDER = (
    ("heartbeat_timeout", "start_to_close_timeout"),
    ("start_to_close_timeout", "schedule_to_close_timeout"),
    ("schedule_to_start_timeout", "schedule_to_close_timeout"),
)
_CHILD_ORDER = (("run_timeout_seconds", "execution_timeout_seconds"),)


def _check_timeouts(timeouts: Mapping[str, int | None], order: Sequence[tuple[str, str]]) -> None:
    for name, seconds in timeouts.items():
        if seconds is not None and seconds < 1:
            raise ValueError(f"{name} must be at least 1 second")
    for shorter, longer in order:
        first, second = timeouts[shorter], timeouts[longer]
        if first is not None and second is not None and first > second:
            raise ValueError(f"{shorter} must not exceed {longer}")


def _optional_policy(
    policy: ActivityRetryPolicyInput | ChildWorkflowRetryPolicyInput | None,
) -> dict[str, Any]:
    return {} if policy is None else {"retry_policy": wire_retry_policy(policy)}


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
