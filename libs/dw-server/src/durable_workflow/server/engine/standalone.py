"""Activities that no workflow started: each is the one step of a run that hosts it (5.7).

No code decides on a host run, so it never has a workflow task: it runs from its start, and the
outcome of its activity is its own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject, dict_or_none, object_or_empty
from durable_workflow.server.engine import closing
from durable_workflow.server.engine.decision import Decision, NewId
from durable_workflow.server.engine.payloads import recorded
from durable_workflow.server.engine.scheduling import Scheduling, schedule
from durable_workflow.server.engine.starting import Beginning, create
from durable_workflow.server.engine.state import FAILED, RUNNING

SEQUENCE = 1
_TIMED_OUT = "timed_out"
_DETAILS = ("details", "details_payload_codec")


def start(beginning: Beginning, what: Scheduling, now: int, new_id: NewId) -> Decision:
    """Create a host run with its activity, whose task may be taken at once."""
    decision = create(beginning, now, new_id)
    decision.run.status = RUNNING
    decision.run.pending_activities = 1
    schedule(decision, what, sequence=SEQUENCE)
    return decision


def end(decision: Decision, event_type: str, payload: JsonObject, task_id: str) -> None:
    """Close a host run as its activity ended.

    Args:
        event_type: Of the event that says how the activity ended.
        payload: Of that event.
    """
    decision.append(event_type, payload, task_id=task_id)
    if event_type == names.ACTIVITY_COMPLETED:
        output = _output(payload["result"], payload["payload_codec"])
        codec = decision.run.codec if output is None else output["codec"]
        closing.complete_run(decision, output, recorded(output), codec, task_id)
        return
    timed_out = event_type == names.ACTIVITY_TIMED_OUT
    failure: JsonObject = {
        "failure_category": payload["failure_category"],
        "non_retryable": payload.get("non_retryable", False),
        "exception_type": payload.get("exception_type"),
        "exception_class": payload.get("exception_class"),
        "message": payload["message"],
    }
    if timed_out:
        failure["timeout_kind"] = payload["timeout_kind"]
    origin = {
        "failure_id": payload["failure_id"],
        "source_kind": "activity_execution",
        "source_id": payload["activity_execution_id"],
    }
    if "exception" in payload:
        origin["exception"] = payload["exception"]
    closing.fail_run(
        decision,
        failure,
        origin,
        task_id=task_id,
        closed_reason=_TIMED_OUT if timed_out else FAILED,
    )
    exception = object_or_empty(payload.get("exception"))
    if decision.failure is not None:
        # In the exception of the event; descriptions have no other place for it.
        decision.failure |= {key: exception[key] for key in _DETAILS if key in exception}


def _output(result: Any, codec: str) -> JsonObject | None:
    """The result as an envelope, the form of every output of a run.

    Args:
        result: As the event has it: a bare blob, an envelope, or a JSON value as a worker sent it.
        codec: The codec of a bare blob.
    """
    if result is None or isinstance(result, str):
        return None if result is None else {"codec": codec, "blob": result}
    envelope = dict_or_none(result)
    if envelope is not None and "external_storage" in envelope and "codec" in envelope:
        return envelope
    return {"codec": "json", "blob": msgspec.json.encode(result).decode()}
