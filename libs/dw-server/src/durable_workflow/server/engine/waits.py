"""Condition waits (WP-R6): opened, re-opened, passed, timed out.

A worker that finds the predicate false opens its wait again in every completion. Whether that is
the same wait or the next one decides which events are written. Later replays bind signals to waits
by the order of these events: a `TimerCancelled` is a boundary, so it must stand before the wait
that replaces the old one.
"""

from __future__ import annotations

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.state import CANCELLED, PENDING, Run, Timer
from durable_workflow.server.engine.times import in_seconds, precise


def is_open(run: Run) -> bool:
    """Whether the run has a wait that is neither satisfied, timed out nor superseded."""
    return run.wait_id is not None


def open_wait(
    decision: Decision,
    sequence: int,
    *,
    key: str | None,
    fingerprint: str | None,
    timeout: int | None,
    task_id: str | None,
) -> bool:
    """Open a wait, with a timer where it has a timeout.

    Returns:
        True where the timeout is zero: the wait has timed out already, and the run must go on.
    """
    run = decision.run
    wait_id = decision.new_id()
    run.wait_id, run.wait_key, run.wait_fingerprint = wait_id, key, fingerprint
    run.wait_sequence, run.wait_timeout = sequence, timeout
    run.wait_timer_id = run.wait_fire_at = None
    decision.append(names.CONDITION_WAIT_OPENED, _wait_fields(run), task_id=task_id)
    if timeout is None:
        return False
    if timeout == 0:
        decision.append(names.CONDITION_WAIT_TIMED_OUT, _wait_fields(run), task_id=task_id)
        forget(run)
        return True
    run.wait_timer_id, run.wait_fire_at = decision.new_id(), decision.now + timeout
    decision.append(names.TIMER_SCHEDULED, _timer_fields(run), task_id=task_id)
    decision.new_timers.append(
        Timer(run.wait_timer_id, run.run_id, sequence, timeout, run.wait_fire_at, wait_id)
    )
    decision.created_task_ids.append(run.wait_timer_id)
    return False


def supersede(decision: Decision, *, task_id: str | None) -> None:
    """Replace the open wait by the same wait, opened again. Only its timer leaves an event."""
    _cancel_timer(decision, task_id)
    forget(decision.run)


def passed(decision: Decision, *, signal: JsonObject | None, task_id: str | None) -> None:
    """End the open wait because the worker went past it.

    Args:
        decision: The decision about the run.
        signal: The signal fields of the task's resume context, where a signal woke it.
        task_id: The task whose completion says so.
    """
    run = decision.run
    payload = _wait_fields(run)
    if run.wait_timer_id is not None:
        payload["timer_id"] = run.wait_timer_id
    for field in ("workflow_signal_id", "signal_name", "signal_wait_id"):
        if signal and signal.get(field) is not None:
            payload[field] = signal[field]
    decision.append(names.CONDITION_WAIT_SATISFIED, payload, task_id=task_id)
    supersede(decision, task_id=task_id)


def time_out(decision: Decision) -> JsonObject:
    """End the open wait because its timer fired.

    Returns:
        The resume context of the task that tells the worker.
    """
    run = decision.run
    payload = _timer_fields(run)
    payload["fired_at"] = precise(decision.now)
    decision.append(names.TIMER_FIRED, payload, task_id=run.wait_timer_id)
    context = {
        "workflow_wait_kind": "condition",
        "open_wait_id": run.wait_id,
        "resume_source_kind": "timer",
        "resume_source_id": run.wait_timer_id,
        "timer_id": run.wait_timer_id,
        "condition_wait_id": run.wait_id,
        "condition_key": run.wait_key,
        "condition_definition_fingerprint": run.wait_fingerprint,
        "workflow_sequence": run.wait_sequence,
        "workflow_event_type": names.TIMER_FIRED,
    }
    forget(run)
    return context


def cancel_at_close(decision: Decision, command_id: str | None, task_id: str | None) -> None:
    """Cancel the timer of the open wait because the run ends."""
    _cancel_timer(decision, task_id, command_id)
    forget(decision.run)


def forget(run: Run) -> None:
    """Leave the run without an open wait."""
    run.wait_id = run.wait_key = run.wait_fingerprint = run.wait_timer_id = None
    run.wait_sequence = run.wait_timeout = run.wait_fire_at = None


def _cancel_timer(decision: Decision, task_id: str | None, command_id: str | None = None) -> None:
    run = decision.run
    if run.wait_timer_id is None:
        return
    payload = _timer_fields(run)
    payload["cancelled_at"] = precise(decision.now)
    decision.append(names.TIMER_CANCELLED, payload, task_id=task_id, command_id=command_id)
    decision.timers.append(wait_timer(run, CANCELLED))


def wait_timer(run: Run, status: str = PENDING) -> Timer:
    """The timer of the open wait as a record. There must be one."""
    assert run.wait_timer_id is not None
    assert run.wait_sequence is not None
    assert run.wait_timeout is not None
    assert run.wait_fire_at is not None
    return Timer(
        run.wait_timer_id,
        run.run_id,
        run.wait_sequence,
        run.wait_timeout,
        run.wait_fire_at,
        run.wait_id,
        status,
    )


def _wait_fields(run: Run) -> JsonObject:
    payload: JsonObject = {"condition_wait_id": run.wait_id}
    if run.wait_key is not None:
        payload["condition_key"] = run.wait_key
    if run.wait_fingerprint is not None:
        payload["condition_definition_fingerprint"] = run.wait_fingerprint
    payload["sequence"] = run.wait_sequence
    if run.wait_timeout is not None:
        payload["timeout_seconds"] = in_seconds(run.wait_timeout)
    return payload


def _timer_fields(run: Run) -> JsonObject:
    assert run.wait_fire_at is not None
    assert run.wait_timeout is not None
    payload: JsonObject = {
        "timer_id": run.wait_timer_id,
        "sequence": run.wait_sequence,
        "delay_seconds": in_seconds(run.wait_timeout),
        "fire_at": precise(run.wait_fire_at),
        "timer_kind": names.CONDITION_TIMEOUT,
        "condition_wait_id": run.wait_id,
    }
    if run.wait_key is not None:
        payload["condition_key"] = run.wait_key
    if run.wait_fingerprint is not None:
        payload["condition_definition_fingerprint"] = run.wait_fingerprint
    return payload
