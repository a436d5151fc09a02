"""Exceptions of mocks and activities as the failures that servers record."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.texts import failure_message
from durable_workflow.errors import (
    ActivityCancelled,
    failure_details,
    failure_type,
    is_non_retryable,
)
from durable_workflow.testing._simulation.payloads import encoded

# Exceptions that end an attempt, as a worker takes them. Others, such as KeyboardInterrupt and
# those by which pytest skips or fails a test, leave the environment.
ENDS_ATTEMPT = (Exception, ActivityCancelled, asyncio.CancelledError, SystemExit)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed.

    Attributes:
        message: What it says; never empty.
        type: Class name of the exception.
        non_retryable: No further attempt is made, whatever the policy says.
        details: Further data, as an envelope; None for none.
    """

    message: str
    type: str
    non_retryable: bool = False
    details: Mapping[str, str] | None = None

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """The failure that an exception is reported as."""
        if isinstance(error, ActivityCancelled):
            return cls("activity cancelled", "ActivityCancelled", non_retryable=True)
        details = failure_details(error)
        return cls(
            failure_message(error),
            failure_type(error),
            is_non_retryable(error),
            None if details is None else encoded(details),
        )

    def payload(self) -> dict[str, Any]:
        """What an event says of it."""
        exception: dict[str, Any] = {"message": self.message, "code": 0, "type": self.type}
        if self.non_retryable:
            exception["non_retryable"] = True
        if self.details is not None:
            exception["details"] = self.details["blob"]
            exception["details_payload_codec"] = self.details["codec"]
        return {
            "exception_type": self.type,
            "exception_class": self.type,
            "message": self.message,
            "code": 0,
            "exception": exception,
        }
