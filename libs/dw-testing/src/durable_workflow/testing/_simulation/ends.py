"""How a chain of runs ended, as its parent is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from durable_workflow._wire import names
from durable_workflow.testing._simulation.failures import Failure


@dataclass(frozen=True, slots=True)
class Completed:
    """The last run returned.

    Attributes:
        result: What, as an envelope.
    """

    result: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class End:
    """It ended otherwise.

    Attributes:
        event_type: How the parent's history says it.
        payload: What that event says besides the child's ids.
        retryable: The parent's retry policy applies.
    """

    event_type: str
    payload: dict[str, Any] = field(default_factory=dict[str, Any])
    retryable: bool = False

    @classmethod
    def failed(cls, failure: Failure) -> "End":
        """A run whose code raised."""
        payload = {"failure_category": "application", **failure.payload()}
        return cls(names.CHILD_RUN_FAILED, payload, retryable=not failure.non_retryable)
