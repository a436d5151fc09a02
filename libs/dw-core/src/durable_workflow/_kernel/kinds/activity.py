"""Activities: recorded when scheduled, answered by their result or final failure."""

from collections.abc import Mapping
from typing import Any, ClassVar

from durable_workflow import serializer
from durable_workflow._kernel.batches import Batch
from durable_workflow._kernel.kind import Decode, Kind, Reader, payload_result
from durable_workflow._kernel.steps import Resolution
from durable_workflow._wire import names
from durable_workflow._wire.events import Event, nested, text
from durable_workflow._wire.json_values import object_or_empty
from durable_workflow.errors import ActivityFailed
from durable_workflow.workflow._commands import ScheduleActivity

# The parts of a recorded exception that do not depend on the runtime that raised it.
_PORTABLE = ("type", "message", "code", "details", "details_payload_codec", "non_retryable")
_DIAGNOSTICS = ("diagnostics", "runtime_diagnostics")


def _failure(event: Event, decode: Decode) -> Resolution:
    payload = event.payload
    exception = nested(payload, "exception")
    activity = nested(payload, "activity")
    message = (
        text(payload, "message")
        or text(exception, "message")
        or text(payload, "closed_reason")
        or "activity failed"
    )
    error = ActivityFailed(
        message,
        activity_type=text(payload, "activity_type"),
        activity_execution_id=text(payload, "activity_execution_id"),
        activity_attempt_id=text(payload, "activity_attempt_id"),
        failure_id=text(payload, "failure_id"),
        failure_category=text(payload, "failure_category"),
        exception_type=text(payload, "exception_type") or text(exception, "type"),
        exception_class=text(payload, "exception_class") or text(exception, "class"),
        non_retryable=payload.get("non_retryable") is True,
        code=payload.get("code"),
        exception_payload=_portable(exception) if exception else None,
        activity=dict(activity) if activity else None,
        details=_details(exception, decode),
    )
    return Resolution(error=error)


def _details(exception: Mapping[str, Any], decode: Decode) -> Any:
    """The decoded details of a failure.

    None where they cannot be decoded in any replay: the codec is of another language, or the blob
    is none. What is kept elsewhere and cannot be fetched is an error, as for results: it may be
    there at the next try.
    """
    given = exception.get("details")
    envelope = object_or_empty(given)
    codec = envelope.get("codec", exception.get("details_payload_codec"))
    if codec not in serializer.SUPPORTED_CODECS:
        # A plain value beside no codec is the data itself.
        return None if codec is not None else given
    if "external_storage" in envelope:
        return decode(given, codec)
    try:
        return decode(given, codec)
    except ValueError:
        return None


def _portable(exception: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: exception[key] for key in _PORTABLE if key in exception}
    for key in _DIAGNOSTICS:
        if isinstance(exception.get(key), Mapping):
            kept[key] = exception[key]
    return kept


class ActivityKind(Kind[ScheduleActivity]):
    """An activity."""

    shape = "activity"
    in_lists = True
    opens = frozenset({names.ACTIVITY_SCHEDULED, names.ACTIVITY_STARTED})
    resolves: ClassVar[Mapping[str, Reader]] = {
        names.ACTIVITY_COMPLETED: payload_result,
        names.ACTIVITY_FAILED: _failure,
        names.ACTIVITY_TIMED_OUT: _failure,
    }

    def stop(self, command: ScheduleActivity) -> Batch:
        return Batch.of_one(self, command)

    def recorded_detail(self, event: Event) -> str | None:
        return text(event.payload, "activity_type")

    def asked_detail(self, command: ScheduleActivity) -> str | None:
        return command.activity_type

    def difference(self, recorded: str, asked: str) -> str:
        return f"Recorded activity_type {recorded!r}, but current workflow scheduled {asked!r}."
