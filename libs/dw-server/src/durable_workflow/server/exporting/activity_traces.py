"""What the history of a run says of its activities.

A row of the store has the present state of an activity; when each attempt began, beat and ended is
in the history alone. It is gathered while the history is read, and put aside under the activity's
workflow sequence until the rows are read.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.exporting.sections import Scratch
from durable_workflow.server.exporting.waits import Waits

_ENDS: Final = {
    names.ACTIVITY_COMPLETED: "completed",
    names.ACTIVITY_FAILED: "failed",
    names.ACTIVITY_TIMED_OUT: "timed_out",
    names.ACTIVITY_CANCELLED: "cancelled",
}


class AttemptTrace(msgspec.Struct):
    """One attempt. One whose lease ran out leaves no event: its end is in the store."""

    attempt_id: str
    task_id: str | None
    number: int
    started_at: str
    last_heartbeat_at: str | None = None
    progress: Any = None
    status: str = "running"
    closed_at: str | None = None


class ActivityTrace(msgspec.Struct):
    """One activity.

    Attributes:
        snapshot: How it was scheduled.
        available_at: When each of its tasks could be taken, by task; "" is the first one's.
        result: As it was recorded: a blob in `codec`, an envelope, or a plain value.
    """

    execution_id: str
    sequence: int
    activity_type: str
    created_at: str
    snapshot: JsonObject
    available_at: dict[str, str]
    event_types: list[str]
    attempts: list[AttemptTrace] = []
    status: str = "pending"
    closed_at: str | None = None
    result: Any = None
    codec: str | None = None

    def current(self) -> AttemptTrace | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None


_read = msgspec.json.Decoder(ActivityTrace).decode


def trace_of(scratch: Scratch, sequence: int) -> ActivityTrace | None:
    """What was put aside for the activity of a workflow sequence."""
    text = scratch.get(sequence)
    return None if text is None else _read(text)


class ActivityReader:
    """Gathers what events say of activities."""

    def __init__(self, scratch: Scratch, waits: Waits) -> None:
        self._scratch = scratch
        self._waits = waits
        self._open: dict[str, ActivityTrace] = {}

    def read(self, event: JsonObject) -> None:
        """Read one event; those about other things are skipped."""
        payload, word = event["payload"], event["type"]
        execution_id = payload.get("activity_execution_id")
        if not isinstance(execution_id, str):
            return
        if word == names.ACTIVITY_SCHEDULED:
            self._schedule(execution_id, event)
            return
        trace = self._open.get(execution_id)
        if trace is None:
            return
        if word not in trace.event_types:
            trace.event_types.append(word)
        if word == names.ACTIVITY_STARTED:
            self._start(trace, event)
        elif word == names.ACTIVITY_HEARTBEAT_RECORDED:
            _beat(trace, payload)
        elif word == names.ACTIVITY_RETRY_SCHEDULED:
            _retry(trace, event)
        elif word in _ENDS:
            self._end(trace, event)

    def finish(self) -> None:
        """The history is at its end."""
        for trace in self._open.values():
            self._put(trace)
        self._open.clear()

    def _schedule(self, execution_id: str, event: JsonObject) -> None:
        payload, at = event["payload"], event["recorded_at"]
        self._open[execution_id] = ActivityTrace(
            execution_id=execution_id,
            sequence=payload["sequence"],
            activity_type=payload["activity_type"],
            created_at=at,
            snapshot=payload.get("activity") or {},
            available_at={"": at},
            event_types=[event["type"]],
        )
        self._waits.begin(
            "activity",
            execution_id,
            payload["sequence"],
            at,
            target_type=payload["activity_type"],
            resume_source_kind="activity_execution",
            resume_source_id=execution_id,
        )

    def _start(self, trace: ActivityTrace, event: JsonObject) -> None:
        payload, at = event["payload"], event["recorded_at"]
        before = trace.current()
        if before is not None and before.closed_at is None:
            before.status = "expired"
        task_id = event["workflow_task_id"]
        number = payload["attempt_number"]
        trace.attempts.append(AttemptTrace(payload["activity_attempt_id"], task_id, number, at))
        trace.status = "running"
        self._waits.note(
            "activity",
            trace.execution_id,
            task_id=task_id,
            task_type="activity",
            task_status="leased",
            task_backed=True,
        )

    def _end(self, trace: ActivityTrace, event: JsonObject) -> None:
        payload, at = event["payload"], event["recorded_at"]
        how = _ENDS[event["type"]]
        trace.status = "failed" if how == "timed_out" else how
        trace.closed_at = at
        trace.result = payload.get("result")
        trace.codec = payload.get("payload_codec")
        last = trace.current()
        if last is not None and last.closed_at is None and last.status == "running":
            last.status, last.closed_at = trace.status, at
        del self._open[trace.execution_id]
        self._put(trace)
        self._waits.note("activity", trace.execution_id, task_status=trace.status)
        summary = f"Activity {trace.activity_type} {how.replace('_', ' ')}."
        self._waits.end("activity", trace.execution_id, trace.status, at, summary)

    def _put(self, trace: ActivityTrace) -> None:
        self._scratch.put(trace.sequence, msgspec.json.encode(trace))


def _beat(trace: ActivityTrace, payload: JsonObject) -> None:
    attempt = trace.current()
    if attempt is not None:
        attempt.last_heartbeat_at = payload.get("heartbeat_at")
        attempt.progress = payload.get("progress", attempt.progress)


def _retry(trace: ActivityTrace, event: JsonObject) -> None:
    payload = event["payload"]
    attempt = trace.current()
    if attempt is not None and attempt.closed_at is None:
        attempt.status, attempt.closed_at = "failed", event["recorded_at"]
    trace.status = "pending"
    trace.available_at[payload["retry_task_id"]] = payload["retry_available_at"]
