"""The workflow task of a run: at most one is ready or leased at any time.

A task that failed, or whose lease ran out, becomes ready again under the same id, and the next
claim has a higher attempt. (task id, lease owner, attempt) is the fence: a report must match all
three, or it changes nothing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.decision import Decision, NewId
from durable_workflow.server.engine.state import LEASED, READY, PastTask, Run
from durable_workflow.server.engine.times import SECOND, seconds

_encode = msgspec.json.encode

# How long the worker that keeps the run's machine is preferred (extension `sticky_history`).
STICKY_OFFER: Final = 2 * SECOND


def wake(
    decision: Decision,
    context: JsonObject | None = None,
    *,
    available_at: int | None = None,
) -> None:
    """Have the run advanced: an ordinary task, or a part in the one that is ready already."""
    run = decision.run
    if run.task_status is None:
        _open(decision, context, available_at=available_at)
    run.task_ordinary = True


def wake_for_update(decision: Decision, update_id: str, command_id: str) -> None:
    """Have an accepted update applied: in a task of its own, or in the one that is ready.

    Where the ready task carries an update already this one waits: it gets a task when that one is
    done.
    """
    run = decision.run
    if run.task_status is None:
        _open(decision, None)
        run.task_ordinary = False
    if run.task_update_id is None:
        run.task_update_id = update_id
        run.task_context = _encode(
            {
                "workflow_wait_kind": "update",
                "open_wait_id": f"update:{update_id}",
                "resume_source_kind": "workflow_update",
                "resume_source_id": update_id,
                "workflow_update_id": update_id,
                "workflow_command_id": command_id,
            }
        ).decode()


def _open(
    decision: Decision,
    context: JsonObject | None,
    *,
    available_at: int | None = None,
) -> None:
    run = decision.run
    run.task_id = decision.new_id()
    run.task_status = READY
    run.task_attempt = 0
    run.task_available_at = decision.now if available_at is None else available_at
    run.task_update_id = None
    run.task_context = _encode(context).decode() if context else None
    run.task_failures = 0
    run.task_error = run.task_error_type = None
    _free(run)
    if run.sticky_worker is not None:
        run.sticky_until = decision.now + STICKY_OFFER
    decision.created_task_ids.append(run.task_id)


def claim(
    run: Run,
    now: int,
    new_id: NewId,
    *,
    worker_id: str,
    poll_request_id: str | None,
    lease_seconds: float,
    keeps_machines: bool,
    session: str | None = None,
    claim_id: str | None = None,
) -> Decision:
    """Lease the ready task of `run` to a worker, which sees the history up to here and no more.

    `keeps_machines` says whether a partial history is enough for the worker. `claim_id` is what its
    reports have to name, where the task may leave before its commit.
    """
    decision = Decision(run, now, new_id)
    leased = decision.run
    leased.task_status = LEASED
    leased.task_attempt += 1
    leased.lease_owner = worker_id
    leased.lease_session = session
    leased.lease_claim = claim_id
    leased.leased_at = now
    leased.lease_expires_at = now + seconds(lease_seconds)
    leased.poll_request_id = poll_request_id
    leased.claimed_sequence = leased.last_sequence
    leased.sticky_until = 0
    if leased.sticky_worker != worker_id or not keeps_machines:
        leased.sticky_worker = None
    return decision


def renew(run: Run, now: int, new_id: NewId, *, lease_seconds: float) -> Decision:
    """Renew the lease of the leased task."""
    decision = Decision(run, now, new_id)
    decision.run.lease_expires_at = now + seconds(lease_seconds)
    return decision


def finish(decision: Decision, status: str) -> None:
    """End the open task, if there is one, and remember how.

    Where an update went before ordinary work, that work follows behind the updates that are in
    history by now, and before all others: however many keep coming, they do not hold up the run.
    """
    run = decision.run
    if run.task_id is None:
        return
    leased_at = run.leased_at
    decision.past_tasks.append(
        PastTask(
            run.task_id,
            run.run_id,
            status,
            decision.now,
            run.lease_owner,
            run.lease_session,
            run.task_attempt,
            None if leased_at is None else leased_at - run.task_available_at,
            None if leased_at is None else decision.now - leased_at,
        )
    )
    run.updates_wait = run.task_ordinary and run.task_update_id is not None
    run.task_id = None
    run.task_status = None
    run.task_update_id = None
    run.task_context = None
    run.task_ordinary = False
    run.task_failures = 0
    run.task_error = run.task_error_type = None
    _free(run)


def offer_again(decision: Decision, *, delay_seconds: float = 0) -> None:
    """Make the leased task ready again, for any worker."""
    run = decision.run
    run.task_status = READY
    run.task_available_at = decision.now + seconds(delay_seconds)
    _free(run)
    # The worker that had it may be gone, or its kept machine may be the reason of the failure.
    run.sticky_worker = None


def _free(run: Run) -> None:
    """Leave the task with nobody: neither leased nor offered to one worker first."""
    run.lease_owner = run.lease_session = run.lease_claim = None
    run.leased_at = None
    run.lease_expires_at = None
    run.poll_request_id = None
    run.sticky_until = 0


def backoff_seconds(failures: int, first: float, longest: float) -> float:
    """How long a task rests after its `failures`-th failure in a row: doubling, up to a bound."""
    return min(first * 2.0 ** min(failures - 1, 30), longest)
