"""How a task ended: a value, or a failure as the result envelope has it."""

import traceback
from dataclasses import dataclass
from typing import Any, Final

from durable_workflow._wire.texts import error_text, failure_message
from durable_workflow.errors import failure_type
from durable_workflow.invocable._deadlines import Deadline, UnreadableDeadline

_DEADLINE_EXCEEDED: Final = "deadline_exceeded"
_DECODE_FAILURE: Final = "decode_failure"


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned.

    Attributes:
        payload: The envelope of its result.
    """

    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no result.

    Attributes:
        message: Why, in words.
        type: Class of the error, or a name of the contract.
        kind: Kind of the failure, a word of the contract.
        classification: Its finer class, a word of the contract.
        retryable: Whether another attempt may succeed.
        stack_trace: Where it was raised.
        timeout_type: Which time ran out.
        cancelled: Whether the task was cancelled.
        details: Plain JSON.
    """

    message: str
    type: str
    kind: str = "application"
    classification: str = "application_error"
    retryable: bool = False
    stack_trace: str | None = None
    timeout_type: str | None = None
    cancelled: bool = False
    details: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """The failure as the result envelope has it."""
        return {
            "kind": self.kind,
            "classification": self.classification,
            "message": self.message,
            "type": self.type,
            "stack_trace": self.stack_trace,
            "timeout_type": self.timeout_type,
            "cancelled": self.cancelled,
            "details": self.details,
        }


def passed(deadline: Deadline, *, completed: bool = False) -> Failed:
    """A deadline had passed when the task came, or before its handler was done."""
    when = "completed after" if completed else "arrived after"
    return Failed(
        f"the task {when} its deadline {deadline.name} ({deadline.text})",
        "ExternalTaskDeadlineExceeded",
        kind="timeout",
        classification=_DEADLINE_EXCEEDED,
        retryable=True,
        timeout_type=_DEADLINE_EXCEEDED,
        details={"deadline": deadline.name, "expires_at": deadline.text},
    )


def unreadable(error: UnreadableDeadline) -> Failed:
    """A deadline could not be read."""
    return _undecoded(error, {"deadline": error.deadline, "expires_at": error.expires_at})


def undecoded(error: Exception, codec: str) -> Failed:
    """The arguments could not be decoded, or the result not be encoded."""
    return _undecoded(error, {"codec": codec})


def timed_out(error: BaseException) -> Failed:
    """The handler ran into a timeout."""
    return Failed(
        error_text(error) or "the handler timed out",
        type(error).__name__,
        kind="timeout",
        classification=_DEADLINE_EXCEEDED,
        retryable=True,
        stack_trace=_trace(error),
        timeout_type=_DEADLINE_EXCEEDED,
    )


def cancelled(error: BaseException) -> Failed:
    """The handler saw that its task was cancelled."""
    return Failed(
        failure_message(error),
        type(error).__name__,
        kind="cancellation",
        classification="cancelled",
        cancelled=True,
    )


def raised(error: Exception, *, retryable: bool) -> Failed:
    """The handler raised."""
    return Failed(
        failure_message(error), failure_type(error), retryable=retryable, stack_trace=_trace(error)
    )


def _undecoded(error: Exception, details: dict[str, Any]) -> Failed:
    return Failed(
        failure_message(error),
        type(error).__name__,
        kind=_DECODE_FAILURE,
        classification=_DECODE_FAILURE,
        stack_trace=_trace(error),
        details=details,
    )


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
