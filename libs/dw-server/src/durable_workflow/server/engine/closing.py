"""How a run ends, and what ends with it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Final

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import activities, batches, buffered_events, tasks, waits
from durable_workflow.server.engine.decision import Decision, NewId, ParentOutcome
from durable_workflow.server.engine.state import (
    CANCELLED,
    COMPLETED,
    FAILED,
    TERMINATED,
    Activity,
    BufferedEvent,
    Resolution,
    Run,
    Timer,
)
from durable_workflow.server.engine.times import in_seconds, offset, precise

# By status: the command, the word in the class of the error, and the events that say so.
_CLOSES: Final = {
    CANCELLED: ("cancel", "Cancelled", names.CANCEL_REQUESTED, names.WORKFLOW_CANCELLED),
    TERMINATED: ("terminate", "Terminated", names.TERMINATE_REQUESTED, names.WORKFLOW_TERMINATED),
}


class Open(msgspec.Struct):
    """What a run has open: everything that has to be closed with it.

    Attributes:
        timers: Pending timers of the workflow itself; that of the open wait is in the run.
        buffered: Buffered events, oldest first.
        held_results: The held results of a batch, which are not in history yet.
    """

    activities: Sequence[Activity] = ()
    timers: Sequence[Timer] = ()
    buffered: Sequence[BufferedEvent] = ()
    held_results: Sequence[Resolution] = ()


def cancel_open(
    decision: Decision, opened: Open, *, command_id: str | None = None, task_id: str | None = None
) -> None:
    """Cancel the open activities and timers, with the events that say so.

    This includes what the same decision has begun: in the completion it came before the end, so it
    is in history.
    """
    for activity in opened.activities:
        decision.activities.append(activities.cancelled(decision, activity, command_id))
    for new in decision.new_activities:
        new.activity = activities.cancelled(decision, new.activity, command_id)
    for timer in opened.timers:
        if timer.wait_id is None:
            decision.timers.append(_cancelled_timer(decision, timer, command_id, task_id))
    decision.new_timers = [
        timer if timer.wait_id else _cancelled_timer(decision, timer, command_id, task_id)
        for timer in decision.new_timers
    ]
    waits.cancel_at_close(decision, command_id, task_id)


def end(
    decision: Decision, status: str, closed_reason: str, *, task_status: str = CANCELLED
) -> None:
    """Set the run to its final status. Its terminal event must be in the decision already."""
    run = decision.run
    tasks.finish(decision, task_status)
    run.status, run.closed_reason, run.closed_at = status, closed_reason, decision.now
    run.last_progress_at = decision.now
    # What there is none of needs no deleting.
    decision.drained = decision.drained or run.buffered > 0
    decision.released = decision.released or run.batch_size > 0
    run.pending_activities = run.pending_timers = run.pending_children = 0
    run.pending_signals = run.pending_updates = 0
    run.batch_first = run.batch_size = run.batch_open = 0
    run.buffered, run.holds, run.blocked_on = 0, False, None
    run.sticky_worker = None
    decision.buffered, decision.held_results = [], []
    decision.closes = True


def close_by_command(
    run: Run,
    now: int,
    new_id: NewId,
    opened: Open,
    *,
    status: str,
    reason: str | None,
    command_id: str,
    command: JsonObject | None = None,
) -> Decision:
    """Cancel or terminate a run at once (worker-protocol 8.2)."""
    verb, word, requested_event, closed_event = _CLOSES[status]
    decision = _begin_server_close(run, now, new_id, opened)
    # Absent, not null, where there is none: clients read it with a default.
    why: JsonObject = {"reason": reason} if reason else {}
    ids: JsonObject = {
        "workflow_command_id": command_id,
        "workflow_instance_id": run.workflow_id,
        "workflow_run_id": run.run_id,
    }
    requested = ids | {"command_type": verb} | why
    if command is not None:
        requested["command"] = command
    failure: JsonObject = {
        "failure_category": status,
        "exception_class": f"Workflow\\V2\\Exceptions\\Workflow{word}Exception",
        "message": f"Workflow {status}: {reason}" if reason else f"Workflow {status}.",
    }
    told = {"failure_id": new_id()} | failure
    decision.append(requested_event, requested, command_id=command_id)
    cancel_open(decision, opened, command_id=command_id)
    closed = ids | told | {"closed_reason": status} | why
    decision.append(closed_event, closed, command_id=command_id)
    decision.failure = failure | {"exception_type": None, "non_retryable": True} | why
    end(decision, status, status)
    _tell_parent(decision, told, retryable=False)
    return decision


def close_timed_out(run: Run, now: int, new_id: NewId, opened: Open, timeout_kind: str) -> Decision:
    """Close a run whose execution or run deadline has passed (8.3)."""
    decision = _begin_server_close(run, now, new_id, opened)
    cancel_open(decision, opened)
    what = "execution" if timeout_kind == "execution_timeout" else "run"
    limit = run.execution_timeout_seconds if what == "execution" else run.run_timeout_seconds
    message = f"Workflow {what} timed out"
    message += f" after {limit} seconds." if limit is not None else "."
    payload: JsonObject = {
        "failure_id": new_id(),
        "timeout_kind": timeout_kind,
        "failure_category": "timeout",
        "message": message,
        "exception_class": "WorkflowTimeoutException",
    }
    if run.execution_deadline is not None:
        payload["execution_deadline_at"] = offset(run.execution_deadline)
    if run.run_deadline is not None:
        payload["run_deadline_at"] = offset(run.run_deadline)
    decision.append(names.WORKFLOW_TIMED_OUT, payload)
    decision.failure = {
        "message": message,
        "exception_type": None,
        "exception_class": payload["exception_class"],
        "failure_category": "timeout",
        "non_retryable": False,
        "timeout_kind": timeout_kind,
    }
    end(decision, FAILED, "timed_out")
    _tell_parent(
        decision,
        {
            "failure_id": payload["failure_id"],
            "failure_category": "timeout",
            "exception_class": payload["exception_class"],
            "message": message,
        },
        # A new run would have to end by the same deadline of the execution.
        retryable=timeout_kind == "run_timeout",
    )
    return decision


def close_over_limit(
    run: Run, now: int, new_id: NewId, opened: Open, *, kind: str, value: int, configured: int
) -> Decision:
    """Fail a run whose history has grown past the limit."""
    decision = _begin_server_close(run, now, new_id, opened)
    cancel_open(decision, opened)
    message = f"Structural limit exceeded: {kind} of {value} is over {configured}."
    failure = {
        "message": message,
        "exception_type": "HistoryLimitExceeded",
        "exception_class": "HistoryLimitExceeded",
        "failure_category": "structural_limit",
        "non_retryable": True,
    }
    extra = {
        "structural_limit_kind": kind,
        "structural_limit_value": value,
        "structural_limit_configured": configured,
    }
    fail_run(decision, failure, extra, task_id=None, task_status=CANCELLED)
    assert decision.failure is not None
    decision.failure["reason"] = "history_limit_exceeded"
    return decision


def complete_run(
    decision: Decision, output: JsonObject | None, recorded: object, codec: str, task_id: str
) -> None:
    """The workflow returned."""
    payload = {"output": recorded, "payload_codec": codec}
    decision.append(names.WORKFLOW_COMPLETED, payload, task_id=task_id)
    decision.output = output
    end(decision, COMPLETED, COMPLETED, task_status=COMPLETED)
    _tell_parent(decision, {"output": recorded, "result": recorded, "payload_codec": codec})


def fail_run(
    decision: Decision,
    failure: JsonObject,
    extra: JsonObject,
    *,
    task_id: str | None,
    task_status: str = COMPLETED,
    closed_reason: str = FAILED,
) -> None:
    """The workflow failed."""
    run = decision.run
    exception: JsonObject = {
        "class": failure["exception_class"],
        "type": failure["exception_type"],
        "message": failure["message"],
        "code": 0,
        "file": "",
        "line": 0,
        "trace": [],
        "properties": [],
    }
    # The trace is for those who look at this run, not for its parent's code.
    stack_trace = failure.get("stack_trace")
    payload: JsonObject = {
        "failure_id": decision.new_id(),
        "source_kind": "workflow_run",
        "source_id": run.run_id,
        **{key: value for key, value in failure.items() if key != "stack_trace"},
        "exception": exception if stack_trace is None else exception | {"stack_trace": stack_trace},
        **extra,
    }
    decision.append(names.WORKFLOW_FAILED, payload, task_id=task_id)
    decision.failure = dict(failure)
    end(decision, FAILED, closed_reason, task_status=task_status)
    told = {key: payload[key] for key in ("failure_id", "failure_category", "exception_type")}
    told |= {key: payload[key] for key in ("exception_class", "message")}
    told["exception"] = exception
    _tell_parent(decision, told | {"code": 0}, retryable=not failure["non_retryable"])


def _begin_server_close(run: Run, now: int, new_id: NewId, opened: Open) -> Decision:
    """Begin a close that no worker asked for: first append everything that was acknowledged.

    No worker decides on this run any more, so buffered events and held results need not wait.
    """
    decision = Decision(run, now, new_id)
    batches.release(decision, opened.held_results)
    buffered_events.append_all(decision, opened.buffered)
    return decision


def _cancelled_timer(
    decision: Decision, timer: Timer, command_id: str | None, task_id: str | None
) -> Timer:
    payload = {
        "timer_id": timer.timer_id,
        "sequence": timer.sequence,
        "delay_seconds": in_seconds(timer.delay),
        "fire_at": precise(timer.fire_at),
        "cancelled_at": precise(decision.now),
    }
    decision.append(names.TIMER_CANCELLED, payload, task_id=task_id, command_id=command_id)
    timer = copy(timer)
    timer.status = CANCELLED
    return timer


def _tell_parent(decision: Decision, payload: JsonObject, *, retryable: bool = True) -> None:
    run = decision.run
    if run.parent_run_id is not None:
        assert run.closed_reason is not None
        decision.outcome = ParentOutcome(run.status, run.closed_reason, payload, retryable)
