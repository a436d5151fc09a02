"""How a run ended, read from its description or its history. Nothing here does I/O.

Our server puts output and failure into the description. Other servers do not say why a run failed:
there the event that closed the run is looked up in the history, which may be long.
"""

from dataclasses import dataclass
from typing import Any

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject, object_or_empty, objects
from durable_workflow.errors import (
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowTerminated,
    WorkflowTimedOut,
)

TERMINAL = frozenset({"completed", "failed", "terminated", "canceled", "cancelled"})
_CANCELLED = frozenset({"canceled", "cancelled"})


@dataclass(frozen=True, slots=True)
class Returned:
    """The run returned a value.

    Attributes:
        payload: Envelope or blob; None where `value` holds.
        codec: Codec of a payload that does not name its own.
        value: The value, where it came decoded.
    """

    payload: Any = None
    codec: str | None = None
    value: Any = None


@dataclass(frozen=True, slots=True)
class Raised:
    """The run ended without a result: `get_result` raises this error."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Continued:
    """The run was followed by another.

    Attributes:
        run_id: The run that follows; None where nothing names it.
    """

    run_id: str | None


RunEnd = Returned | Raised | Continued


def from_description(run: JsonObject) -> RunEnd | None:
    """How a closed run ended, or None where its description does not say."""
    status, reason = run.get("status"), run.get("closed_reason")
    if reason == "continued":
        successor = run.get("continued_to_run_id")
        # Without an id here, the history may name it.
        return Continued(successor) if successor else None
    if status == "completed":
        return _returned(run)
    if not isinstance(run.get("failure"), dict):
        return None
    failure = object_or_empty(run["failure"])
    if status in _CANCELLED:
        return Raised(WorkflowCancelled(*_given(failure, "reason")))
    if status == "terminated":
        return Raised(WorkflowTerminated(*_given(failure, "reason")))
    if reason == "timed_out":
        return Raised(_timed_out(failure))
    return Raised(_failed(failure))


def from_history(history: Any, codec: str | None) -> RunEnd | None:
    """How a run ended, by the last event that closes one, or None where there is none.

    Args:
        history: The parsed document of the history route.
        codec: The run's codec, for payloads without one of their own.
    """
    for event in reversed(objects(object_or_empty(history).get("events"))):
        payload = object_or_empty(event.get("payload"))
        match event.get("event_type"):
            case names.WORKFLOW_COMPLETED:
                return Returned(payload.get("output"), payload.get("payload_codec") or codec)
            case names.WORKFLOW_FAILED:
                return Raised(_failed(payload))
            case names.WORKFLOW_TIMED_OUT:
                return Raised(_timed_out(payload))
            case names.WORKFLOW_TERMINATED:
                return Raised(WorkflowTerminated(*_given(payload, "reason")))
            case names.WORKFLOW_CANCELLED:
                return Raised(WorkflowCancelled(*_given(payload, "reason")))
            case names.WORKFLOW_CONTINUED_AS_NEW:
                return Continued(payload.get("continued_to_run_id"))
            case _:
                continue
    return None


def unexplained(run: JsonObject) -> RunEnd:
    """How a closed run ended when neither its description nor its history says more."""
    status = run.get("status")
    if status in _CANCELLED:
        return Raised(WorkflowCancelled())
    if status == "terminated":
        return Raised(WorkflowTerminated())
    if run.get("closed_reason") == "timed_out":
        return Raised(WorkflowTimedOut())
    if run.get("closed_reason") == "continued":
        return Continued(None)
    return Returned() if status == "completed" else Raised(WorkflowFailed("workflow failed"))


def _returned(run: JsonObject) -> Returned | None:
    if "output_envelope" in run:
        # Null is a result too: the run returned None.
        return Returned(run["output_envelope"], run.get("payload_codec"), run.get("output"))
    if run.get("output") is not None:
        return Returned(value=run["output"])
    return None


def _failed(failure: JsonObject) -> WorkflowFailed:
    return WorkflowFailed(
        str(failure.get("message") or "workflow failed"), failure.get("exception_class")
    )


def _timed_out(failure: JsonObject) -> WorkflowTimedOut:
    return WorkflowTimedOut(
        str(failure.get("message") or "workflow timed out"),
        failure.get("exception_class"),
        timeout_kind=failure.get("timeout_kind"),
    )


def _given(members: JsonObject, name: str) -> tuple[str, ...]:
    """The arguments of an error: the member, or none, for the error's default text."""
    value = members.get(name)
    return () if value is None else (str(value),)
