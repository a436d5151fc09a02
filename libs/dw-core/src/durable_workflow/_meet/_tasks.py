"""What a worker says of a task that it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from durable_workflow._wire.names import ATTEMPT_FIELDS, TASK_ID_FIELDS

_NOTHING: Final[Mapping[str, Any]] = {}


class ServerUnreachable(ConnectionError):
    """A request got no answer: the connection was refused, broke, or took too long."""


class Unencodable(Exception):
    """A result cannot be encoded, so nothing was sent.

    Attributes:
        error: What the codec or the storage driver raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(slots=True)
class Lease:
    """A leased task, as requests about it name it. Nobody changes it.

    It is not frozen: each task has three, which would take four times as long to make.

    Attributes:
        kind: `workflow`, `activity` or `query`.
        task_id: The task.
        attempt: `workflow_task_attempt`, `activity_attempt_id` or `query_task_attempt`.
        owner: The worker that holds it.
        claim: Of a workflow task that a stream may have brought before it was committed; None of
            all others.
    """

    kind: str
    task_id: str
    attempt: int | str
    owner: str
    claim: str | None = None

    def fields(self) -> dict[str, Any]:
        """What every request about the task holds."""
        fields = {"lease_owner": self.owner, ATTEMPT_FIELDS[self.kind]: self.attempt}
        return fields if self.claim is None else fields | {"claim": self.claim}


def lease_of(kind: str, task: object, owner: str) -> Lease | None:
    """The lease of a task as the server sent it; None where it names no task or no attempt."""
    found: Any = task  # no cast: it is a call, for each task
    attempt_field = ATTEMPT_FIELDS.get(kind)
    if attempt_field is None or not isinstance(task, dict):
        return None
    task_id, attempt = found.get(TASK_ID_FIELDS[kind]), found.get(attempt_field)
    if not isinstance(task_id, str) or not isinstance(attempt, (int, str)):
        return None
    claim = found.get("claim") if kind == "workflow" else None
    return Lease(kind, task_id, attempt, owner, claim if isinstance(claim, str) else None)


@dataclass(slots=True)
class Report:
    """How a task ended, as a worker tells it. Nobody changes it; as a lease it is not frozen.

    Attributes:
        lease: The task.
        verb: `complete` or `fail`.
        body: What the request holds besides the lease, encoded.
        unencoded: A result and how to encode it, for a transport with `encodes`: arguments of the
            client's method.
    """

    lease: Lease
    verb: str
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    unencoded: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
