"""Events from outside of a run, and when they may enter its history (WP-R3, R4).

A worker decides on the history it was given. Events that come meanwhile are buffered, and appended
right behind those of the completion, or when the task fails or its lease runs out. Attempt starts
and heartbeats are never buffered: they may be appended at any time. Cancellation, termination and
the deadlines of a run do not wait either: they end the run, and the worker is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Final

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import batches, tasks, waits
from durable_workflow.server.engine.decision import Decision, NewId, encode_payload
from durable_workflow.server.engine.payloads import recorded
from durable_workflow.server.engine.state import BufferedEvent, Resolution, Run, Timer, Update
from durable_workflow.server.engine.times import in_seconds, precise

FIRED = "fired"
# Events that a caller was told are accepted. The others resolve steps and waits.
TOLD: Final = frozenset({"signal", "update"})


def signal_received(run: Run, now: int, new_id: NewId, signal: BufferedEvent) -> Decision:
    """A signal was accepted."""
    decision = Decision(run, now, new_id)
    decision.run.pending_signals += 1
    if batches.buffers_events(run):
        _keep(decision, signal)
    else:
        _append_signal(decision, signal)
    return decision


def update_accepted(
    run: Run, now: int, new_id: NewId, update: Update, accepted: BufferedEvent
) -> Decision:
    """An update was accepted: it is to be applied by a worker."""
    decision = Decision(run, now, new_id)
    decision.run.pending_updates += 1
    decision.new_updates.append(update)
    # Where there is no ordinary work there is nothing to wait for, whatever the row says.
    if batches.buffers_events(run) or (run.updates_wait and run.task_ordinary):
        _keep(decision, accepted)
    else:
        _append_update(decision, accepted)
    return decision


def timer_fired(
    run: Run, now: int, new_id: NewId, timer: Timer, held: Sequence[Resolution]
) -> Decision:
    """A timer is due. `held` are the held results, needed where it completes the batch."""
    decision = Decision(run, now, new_id)
    fired = copy(timer)
    fired.status = FIRED
    decision.timers.append(fired)
    if timer.wait_id is not None:
        _wait_timer_fired(decision, timer)
        return decision
    decision.run.pending_timers -= 1
    payload: JsonObject = {
        "timer_id": timer.timer_id,
        "sequence": timer.sequence,
        "delay_seconds": in_seconds(timer.delay),
        "fire_at": precise(timer.fire_at),
        "fired_at": precise(now),
    }
    context = {
        "workflow_wait_kind": "timer",
        "open_wait_id": f"timer:{timer.timer_id}",
        "resume_source_kind": "timer",
        "resume_source_id": timer.timer_id,
        "timer_id": timer.timer_id,
        "workflow_sequence": timer.sequence,
        "workflow_event_type": names.TIMER_FIRED,
    }
    resolution = Resolution(
        timer.sequence, names.TIMER_FIRED, encode_payload(payload), timer.timer_id
    )
    batches.resolve(decision, resolution, context, held)
    return decision


def _wait_timer_fired(decision: Decision, timer: Timer) -> None:
    run = decision.run
    if run.wait_timer_id != timer.timer_id:
        return  # Superseded in this very unit; its cancellation is in history.
    if run.task_status is not None:
        # Also while the task is only ready: a signal that came in time gets its chance. The
        # completion passes the wait, or opens it again, and then the firing is dropped.
        _keep(decision, BufferedEvent("wait_timeout", timer.timer_id, "", b""))
        return
    _append_timeout(decision)


def flush(
    decision: Decision,
    buffered: Sequence[BufferedEvent],
    held: Sequence[Resolution],
    *,
    wake_for_updates: bool = True,
) -> None:
    """Append the buffered events, and wake the run where one of them warrants it.

    A wait's timeout stops here: what follows it stays buffered until a worker has answered it. So
    it lets updates pass that were accepted before it: the answer may be the end of the run. Updates
    that must let the run go on first stay buffered as well (`tasks.finish`).

    Args:
        decision: The decision about the run; its task is not leased any more.
        buffered: All buffered events of the run, oldest first.
        held: The held results, needed where the batch is complete.
        wake_for_updates: Whether an update among them gets the run's task. Not where older
            ones may wait for it.
    """
    run = decision.run
    if not run.buffered or run.holds:
        return
    rest = list(buffered)
    late: list[BufferedEvent] = []
    while rest and not run.holds:
        event = rest.pop(0)
        if (event.kind == "update" and run.updates_wait) or (
            event.kind == "wait_timeout" and _has_updates_to_apply(run, late + rest)
        ):
            late.append(event)
        elif event.kind == "update" and not wake_for_updates:
            _append_encoded(decision, event)
        else:
            _append_event(decision, event, held)
    decision.drained = True
    decision.buffered = late + rest
    run.buffered = len(decision.buffered)


def _has_updates_to_apply(run: Run, buffered: Sequence[BufferedEvent]) -> bool:
    """Whether an update's acceptance is in history, and not its outcome."""
    return run.pending_updates > sum(event.kind == "update" for event in buffered)


def append_all(decision: Decision, buffered: Sequence[BufferedEvent]) -> None:
    """Append the acknowledged events that are still buffered.

    The server is about to close the run.
    """
    for event in buffered:
        if event.kind in TOLD:
            _append_encoded(decision, event)


def _keep(decision: Decision, event: BufferedEvent) -> None:
    decision.buffered.append(event)
    decision.run.buffered += 1


def _append_event(decision: Decision, event: BufferedEvent, held: Sequence[Resolution]) -> None:
    run = decision.run
    if event.kind == "signal":
        _append_signal(decision, event)
    elif event.kind == "update":
        _append_update(decision, event)
    elif event.kind == "batch":
        # The completion may have added members; then the batch is delivered when they are done.
        if batches.is_complete(run):
            batches.deliver(decision, held, event.context)
    elif run.wait_timer_id == event.ref:
        _append_timeout(decision)


def _append_encoded(decision: Decision, event: BufferedEvent) -> None:
    decision.append_encoded(event.event_type, event.payload, command_id=event.command_id)


def _append_signal(decision: Decision, signal: BufferedEvent) -> None:
    _append_encoded(decision, signal)
    # R3: it needs a task only where it can change what the workflow yields.
    if waits.is_open(decision.run) or not decision.run.tasks_completed:
        tasks.wake(decision, signal.context)


def _append_update(decision: Decision, accepted: BufferedEvent) -> None:
    _append_encoded(decision, accepted)
    assert accepted.command_id is not None
    tasks.wake_for_update(decision, accepted.ref, accepted.command_id)


def _append_timeout(decision: Decision) -> None:
    context = waits.time_out(decision)
    tasks.wake(decision, context)
    decision.run.holds = True


def carry_over(
    following: Decision,
    buffered: Sequence[BufferedEvent],
    waiting_updates: Sequence[Update],
    ended: dict[str, Update],
) -> None:
    """Begin the next run of a chain with the events that no worker has seen in the run before.

    Signals that were buffered, and updates that were accepted and have no outcome, were
    acknowledged to their senders; the end of a run that goes on must not lose them.
    """
    run = following.run
    for event in buffered:
        if event.kind == "signal":
            payload = msgspec.json.decode(event.payload)
            payload["workflow_run_id"] = run.run_id
            run.pending_signals += 1
            following.append(event.event_type, payload, command_id=event.command_id)
    for update in waiting_updates:
        if update.update_id in ended:
            continue
        payload = {
            "workflow_command_id": update.command_id,
            "update_id": update.update_id,
            "workflow_instance_id": update.workflow_id,
            "workflow_run_id": run.run_id,
            "update_name": update.update_name,
        }
        if update.arguments is not None:
            payload["arguments"] = recorded(update.arguments)
            payload["payload_codec"] = update.arguments["codec"]
        run.pending_updates += 1
        following.append(names.UPDATE_ACCEPTED, payload, command_id=update.command_id)
        tasks.wake_for_update(following, update.update_id, update.command_id)
