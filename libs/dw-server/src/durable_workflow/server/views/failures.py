"""What has gone wrong in a run lately, as its history tells."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.state import FAILED, LEASED, Run
from durable_workflow.server.records import history
from durable_workflow.server.store.protocol import Read

MOST = 10
# "Recent" is measured in events: a long history is not read to its beginning for this.
_EVENTS = 10_000
_RETRIES = 100


class FailureKind(msgspec.Struct, frozen=True):
    """What failed, the member of the payload with its id (None: the run), and what it caused."""

    source: str
    id_member: str | None
    propagation: str

    @property
    def is_step(self) -> bool:
        """Whether it is a step of the workflow, which may handle its failure."""
        return self.propagation in ("activity", "child")


_ACTIVITY = FailureKind("activity_execution", "activity_execution_id", "activity")
_CHILD = FailureKind("child_workflow_run", "child_workflow_run_id", "child")
_RUN = FailureKind("workflow_run", None, "terminal")
_UPDATE = FailureKind("workflow_update", "update_id", "update")

# How the failure in an event of each type is shown.
FAILURE_KINDS: Final = {
    names.ACTIVITY_FAILED: _ACTIVITY,
    names.ACTIVITY_TIMED_OUT: _ACTIVITY,
    names.CHILD_RUN_FAILED: _CHILD,
    names.CHILD_RUN_CANCELLED: _CHILD,
    names.CHILD_RUN_TERMINATED: _CHILD,
    names.UPDATE_COMPLETED: _UPDATE,
    names.WORKFLOW_FAILED: _RUN,
    names.WORKFLOW_TIMED_OUT: _RUN,
    names.WORKFLOW_CANCELLED: _RUN,
    names.WORKFLOW_TERMINATED: _RUN,
}


class Record(msgspec.Struct):
    """A history record, as much of it as is shown here."""

    sequence: int
    event_type: str
    timestamp: str
    payload: msgspec.Raw


_read_record = msgspec.json.Decoder(Record).decode


def read_record(record: bytes) -> Record:
    """A stored history record."""
    return _read_record(record)


def recent(read: Read, run: Run, failure: JsonObject | None) -> list[JsonObject]:
    """The newest failures of a run, newest first.

    Args:
        failure: What the run failed with, if it did.
    """
    shown: list[JsonObject] = []
    # Most updates that completed have not failed; of anything else each event is a failure.
    for record in _events(read, run, list(FAILURE_KINDS), 10 * MOST):
        payload = msgspec.json.decode(record.payload)
        if payload.get("failure_id") and len(shown) < MOST:
            shown.append(_failure(run, record, payload, failure))
    return shown


def last_errors(read: Read, run: Run) -> dict[str, str]:
    """Why the last attempt of an activity failed that is tried again, by its execution."""
    found: dict[str, str] = {}
    for record in _events(read, run, [names.ACTIVITY_RETRY_SCHEDULED], _RETRIES):
        payload = msgspec.json.decode(record.payload)
        found.setdefault(payload["activity_execution_id"], payload.get("message") or "")
    return found


def passed_signals(read: Read, run: Run) -> list[str]:
    """A sentence about each of the last signals that were not applied, newest first."""
    told: list[str] = []
    for record in _events(read, run, [names.SIGNAL_NOT_APPLIED], MOST):
        payload = msgspec.json.decode(record.payload)
        told.append(
            f"The signal {payload['signal_name']!r} (event {payload['signal_sequence']}) was not "
            f"applied: {payload['message']}."
        )
    return told


def _events(read: Read, run: Run, types: list[str], most: int) -> list[Record]:
    after = max(run.last_sequence - _EVENTS, 0)
    return [read_record(record) for record in history.newest(read, run.run_id, after, types, most)]


def _failure(
    run: Run, record: Record, payload: dict[str, Any], failure: JsonObject | None
) -> JsonObject:
    kind = FAILURE_KINDS[record.event_type]
    source_id = run.run_id if kind.id_member is None else payload.get(kind.id_member)
    return {
        "failure_id": payload["failure_id"],
        "source_kind": payload.get("source_kind") or kind.source,
        "source_id": payload.get("source_id") or source_id,
        "propagation_kind": kind.propagation,
        "failure_category": payload.get("failure_category"),
        "exception_class": payload.get("exception_class"),
        "message": payload.get("message"),
        "non_retryable": bool(payload.get("non_retryable", False)),
        "handled": kind.is_step and handled(run, record.sequence, payload.get("message"), failure),
        "created_at": record.timestamp,
    }


def handled(run: Run, sequence: int, message: object, failure: JsonObject | None) -> bool:
    """Whether the workflow has seen the failure of a step, and it was not its end.

    Args:
        sequence: Of the event that told the workflow.
        message: What it was told.
        failure: What the run failed with, if it did.
    """
    if run.status == FAILED:
        return failure is None or str(message) not in str(failure.get("message"))
    # The task that was claimed last has been completed, unless it is the one that is open.
    completed = run.task_id is None or (run.task_attempt == 0 and run.task_status != LEASED)
    return completed and sequence <= run.claimed_sequence
