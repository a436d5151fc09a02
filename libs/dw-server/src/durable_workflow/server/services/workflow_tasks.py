"""Workflow tasks: claim, history pages, completion and failure."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from durable_workflow._wire.extensions import STICKY_HISTORY
from durable_workflow.server.engine import completion, tasks
from durable_workflow.server.engine.commands import Parsed, parse_commands
from durable_workflow.server.engine.refusal import InvalidCommands, LimitExceeded
from durable_workflow.server.engine.state import (
    READY,
    WAITING,
    Run,
    Update,
    shown_status,
)
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.records import history as history_records
from durable_workflow.server.records import runs, updates
from durable_workflow.server.records.columns import value
from durable_workflow.server.records.fairness import QueueKey, ReadyClass
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.records.workers import find as find_worker
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    CompleteWorkflowTask,
    FailWorkflowTask,
    HistoryPage,
    PollTask,
    TaskOwner,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import admission, fairness
from durable_workflow.server.services.ownership import guard, named, refusal
from durable_workflow.server.services.search_attributes import check_upserts
from durable_workflow.server.services.unit import Unit, is_long
from durable_workflow.server.services.workers import (
    lease_seconds,
    poll_guard,
    seen_by_lease,
)
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views import history
from durable_workflow.server.views.fingerprints import hide_fingerprint

# Why the task exists. All members are always present, and null where they do not apply.
_NO_CONTEXT: dict[str, Any] = dict.fromkeys(
    (
        "workflow_wait_kind",
        "open_wait_id",
        "resume_source_kind",
        "resume_source_id",
        "workflow_update_id",
        "workflow_signal_id",
        "signal_name",
        "signal_wait_id",
        "workflow_command_id",
        "activity_execution_id",
        "activity_attempt_id",
        "activity_type",
        "child_call_id",
        "child_workflow_run_id",
        "workflow_sequence",
        "workflow_event_type",
        "timer_id",
        "condition_wait_id",
        "condition_key",
        "condition_definition_fingerprint",
    )
)


def claim(
    tx: Tx,
    namespace: str,
    request: PollTask,
    settings: ServiceSettings,
    fair: FairQueues | None = None,
) -> dict[str, Any] | None:
    """Lease the next task of a queue to a worker; None where there is none for it.

    Args:
        fair: What is remembered of queues; None for nothing.
    """
    fair = fair or FairQueues()
    worker = poll_guard(tx, namespace, request, settings)
    lease = lease_seconds(worker, settings.workflow_lease_seconds)
    unit = Unit(tx, settings)
    again = _claimed_before(tx, namespace, request)
    if again is not None:
        decision = tasks.renew(unit.adopt(again), tx.now, tx.new_id, lease_seconds=lease)
    else:
        run = _claimable(tx, worker, settings, fair)
        return None if run is None else _lease(unit, run, request, worker, fair)
    unit.apply(decision)
    unit.finish()
    return _task(tx, decision.run, request, settings, foreign=not worker.knows_extensions)


def claim_for(
    tx: Tx,
    worker: Worker,
    task_id: str | None,
    busy: Collection[str],
    settings: ServiceSettings,
    fair: FairQueues,
) -> dict[str, Any] | None:
    """Lease a task to a worker that has a stream; None where there is none for it.

    Args:
        task_id: The task, which suits the worker; None for the one that it should get next.
        busy: Workers that tasks are not kept for now.
        fair: What is remembered of queues.
    """
    if task_id is None:
        run = _claimable(tx, worker, settings, fair, busy)
    elif not admission.admits(tx, _queue(worker), settings):
        return None
    else:
        run = runs.by_task(tx, worker.namespace, task_id)
        if run is not None and not _is_free(tx, run, worker, busy):
            run = None
    if run is None:
        return None
    request = PollTask(
        worker_id=worker.worker_id,
        task_queue=worker.task_queue,
        history_page_bytes=history.PAGE_BYTES,
    )
    return _lease(Unit(tx, settings), run, request, worker, fair)


def history_page(
    read: Read, namespace: str, request: HistoryPage, settings: ServiceSettings
) -> dict[str, Any]:
    """A further page of a leased task's history."""
    run = guard(read, namespace, request.owner)
    after = history.read_token(request.token)
    if after is None:
        raise refusal(request.owner, "invalid_page_token", "Invalid page token.")
    worker = find_worker(read, namespace, request.owner.lease_owner)
    body: dict[str, Any] = {
        "task_id": request.owner.task_id,
        "workflow_task_attempt": request.owner.attempt,
    }
    if after == 0:
        body["arguments"] = runs.arguments(read, run.run_id)
    return body | history.task_page(
        read,
        run,
        settings,
        after=after,
        page_size=request.page_size,
        page_bytes=request.page_bytes,
        encoding=request.accept_history_encoding,
        foreign=worker is None or not worker.knows_extensions,
    )


def heartbeat(tx: Tx, namespace: str, owner: TaskOwner, settings: ServiceSettings) -> Reply:
    """Renew the lease of a task whose worker is still working on it."""
    unit = Unit(tx, settings)
    run = unit.adopt(guard(tx, namespace, owner))
    lease = settings.workflow_lease_seconds
    unit.apply(tasks.renew(run, tx.now, tx.new_id, lease_seconds=lease))
    unit.finish()
    seen_by_lease(tx, namespace, owner.lease_owner, run.lease_session, settings)
    run = unit.run(run.run_id)
    return Reply(
        named(owner)
        | {
            "lease_owner": owner.lease_owner,
            "renewed": True,
            "lease_expires_at": precise_or_none(run.lease_expires_at),
            "run_status": shown_status(run),
            "task_status": run.task_status,
            "reason": None,
        },
    )


def fail(tx: Tx, namespace: str, request: FailWorkflowTask, settings: ServiceSettings) -> Reply:
    """Record that a worker could not do a task: it is offered again after a pause."""
    unit = Unit(tx, settings)
    run = unit.adopt(guard(tx, namespace, request.owner))
    # The message comes from the workflow and may hold private data: describe shows it, the log does
    # not.
    tx.say(
        logging.WARNING,
        "a workflow task of run %s of %s failed (%s)",
        run.run_id,
        run.workflow_id,
        request.failure.type or "no type",
    )
    _fail(unit, run, request.failure.message, request.failure.type)
    unit.finish()
    return Reply(
        named(request.owner)
        | {"outcome": "failed", "recorded": True, "reason": None, "next_task_id": None},
    )


def complete(
    tx: Tx, namespace: str, request: CompleteWorkflowTask, settings: ServiceSettings
) -> Reply:
    """Apply what the worker decided: all of it, or nothing."""
    unit = Unit(tx, settings)
    run = unit.adopt(guard(tx, namespace, request.owner))
    try:
        parsed, errors = parse_commands(request.commands, run.codec, settings.limits)
        if errors:
            raise Invalid(errors)
        check_upserts(tx, namespace, request.commands)
        decision = completion.complete(
            run,
            parsed,
            _load(unit, run, parsed),
            tx.now,
            tx.new_id,
            limits=settings.limits,
            keep_history=request.keep_history,
        )
    except InvalidCommands as error:
        raise refusal(request.owner, "invalid_commands", f"Invalid commands: {error}.") from error
    except LimitExceeded as error:
        raise _over_limit(request.owner, error) from error
    except completion.NonDeterminism as error:
        text = "run %s of %s is not deterministic: %s"
        tx.say(logging.WARNING, text, run.run_id, run.workflow_id, error)
        _fail(unit, run, f"non-deterministic workflow: {error}", type(error).__name__)
        unit.finish()
        return _refused(request.owner, "invalid_commands", f"Non-deterministic commands: {error}.")
    unit.apply(decision)
    unit.finish()
    after = unit.run(run.run_id)
    return Reply(
        named(request.owner)
        | {
            "outcome": "completed",
            "recorded": True,
            "run_id": run.run_id,
            "run_status": after.status if after.closed else WAITING,
            "created_task_ids": decision.created_task_ids,
            "reason": None,
        },
    )


def expire_lease(unit: Unit, run: Run) -> None:
    """Free a leased task: its lease ran out, or its worker is gone."""
    parts = unit.pending_parts(run)
    unit.apply(
        completion.expire_lease(
            run, parts.buffered, parts.held_results, unit.tx.now, unit.tx.new_id
        )
    )


def give_back(tx: Tx, namespace: str, task: dict[str, Any], settings: ServiceSettings) -> None:
    """Free the lease of a claimed task that reached nobody.

    Unless the poll was repeated meanwhile: then that one was given the task, with a renewed lease.
    """
    run = runs.by_task(tx, namespace, task["task_id"])
    if (
        run is None
        or run.task_attempt != task["workflow_task_attempt"]
        or precise_or_none(run.lease_expires_at) != task["lease_expires_at"]
    ):
        return
    unit = Unit(tx, settings)
    expire_lease(unit, unit.adopt(run))
    unit.finish()


def _claimed_before(tx: Tx, namespace: str, request: PollTask) -> Run | None:
    """The run whose task this very poll was handed before and still holds, for it is repeated."""
    if request.poll_request_id is None:
        return None
    return runs.claimed_by_request(
        tx, namespace, request.task_queue, request.worker_id, request.poll_request_id
    )


def _claimable(
    tx: Tx,
    worker: Worker,
    settings: ServiceSettings,
    fair: FairQueues,
    busy: Collection[str] = (),
) -> Run | None:
    if worker.draining or not admission.admits(tx, _queue(worker), settings):
        return None

    def take(of: ReadyClass) -> Run | None:
        return runs.claimable(
            tx,
            worker.namespace,
            worker.task_queue,
            worker_id=worker.worker_id,
            build_id=worker.build_id,
            types=worker.workflow_types,
            of=of,
            busy=busy,
        )

    return fairness.choose(tx, _queue(worker), fair, take)


def _queue(worker: Worker) -> QueueKey:
    return QueueKey("workflow", worker.namespace, worker.task_queue)


def _is_free(tx: Tx, run: Run, worker: Worker, busy: Collection[str]) -> bool:
    """Whether the task of `run` is ready, and kept for nobody else that is there."""
    if run.task_status != READY or run.task_available_at > tx.now:
        return False
    keeper = run.sticky_worker
    if keeper is None or run.sticky_until <= tx.now:
        return True
    if keeper == worker.worker_id or keeper in busy:
        return True
    kept_for = find_worker(tx, run.namespace, keeper)
    return kept_for is None or not kept_for.is_there(tx.now)


def _lease(
    unit: Unit, run: Run, request: PollTask, worker: Worker, fair: FairQueues
) -> dict[str, Any]:
    tx, settings = unit.tx, unit.settings
    fairness.count(tx, _queue(worker), run.fairness_key, fair)
    admission.count(tx, _queue(worker), settings)
    decision = tasks.claim(
        unit.adopt(run),
        tx.now,
        tx.new_id,
        worker_id=worker.worker_id,
        poll_request_id=request.poll_request_id,
        lease_seconds=lease_seconds(worker, settings.workflow_lease_seconds),
        session=worker.session or None,
        keeps_machines=STICKY_HISTORY in worker.capabilities,
    )
    unit.apply(decision)
    unit.finish()
    return _task(tx, decision.run, request, settings, foreign=not worker.knows_extensions)


def _task(
    tx: Tx, run: Run, request: PollTask, settings: ServiceSettings, *, foreign: bool
) -> dict[str, Any]:
    limits = settings.limits
    # The worker that kept the run's machine needs only what it has not seen.
    sticky = run.sticky_worker is not None and run.sticky_worker == run.lease_owner
    after = run.sticky_sequence if sticky else 0
    assert run.lease_expires_at is not None
    task: dict[str, Any] = {
        "task_id": run.task_id,
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "workflow_task_attempt": run.task_attempt,
        "workflow_type": run.workflow_type,
        "payload_codec": run.codec,
        "arguments": runs.arguments(tx, run.run_id),
        "run_status": shown_status(run),
        "last_history_sequence": run.claimed_sequence,
        "task_queue": run.task_queue,
        "connection": run.connection,
        "compatibility": run.compatibility,
        "lease_owner": run.lease_owner,
        "lease_expires_at": precise(run.lease_expires_at),
        **_NO_CONTEXT,
        "continue_as_new_recommended": is_long(
            run, limits.history_hint_events, limits.history_hint_bytes
        ),
    }
    if run.task_context is not None:
        task.update(value(run.task_context))
    if foreign:
        hide_fingerprint(task)
    task.update(
        history.task_page(
            tx,
            run,
            settings,
            after=after,
            page_size=request.history_page_size,
            page_bytes=request.history_page_bytes,
            encoding=request.accept_history_encoding,
            foreign=foreign,
        )
    )
    if sticky:
        task["history_after_sequence"] = after
        task["full_history_token"] = history.FROM_THE_BEGINNING
    return task


def _load(unit: Unit, run: Run, parsed: Parsed) -> completion.Loaded:
    tx = unit.tx
    loaded = completion.Loaded()
    ends = parsed.terminal is not None
    loaded.opened = unit.everything_open(run) if ends else unit.pending_parts(run)
    if parsed.needs_details:
        loaded.details = runs.details(tx, run.run_id)
    if parsed.blocks:
        loaded.known = history_records.batch_members(tx, run)
    for update_id in parsed.update_ids:
        update = updates.find(tx, update_id)
        if update is not None:
            loaded.updates[update_id] = update
    if run.pending_updates:
        loaded.waiting_updates = _waiting_updates(unit, run, loaded.updates, everything=ends)
    return loaded


def _waiting_updates(
    unit: Unit, run: Run, named: dict[str, Update], *, everything: bool
) -> list[Update]:
    most = run.pending_updates if everything else len(named) + run.buffered + 1
    waiting = updates.accepted_of_run(unit.tx, run.run_id, most)
    return [update for update in waiting if update.update_id not in named]


def _fail(unit: Unit, run: Run, message: str, error_type: str | None) -> None:
    parts = unit.pending_parts(run)
    settings = unit.settings
    unit.apply(
        completion.fail(
            run,
            parts.buffered,
            parts.held_results,
            unit.tx.now,
            unit.tx.new_id,
            message=message,
            error_type=error_type,
            first_seconds=settings.task_backoff_first_seconds,
            longest_seconds=settings.task_backoff_max_seconds,
        )
    )


def _refused(owner: TaskOwner, reason: str, message: str) -> Reply:
    body = {"error": message, "message": message, "reason": reason, "outcome": "rejected"}
    return Reply(named(owner) | body | {"recorded": False}, reason=reason)


def _over_limit(owner: TaskOwner, error: LimitExceeded) -> Refused:
    return Refused(
        "structural_limit_exceeded",
        f"Structural limit exceeded: {error}.",
        extra=named(owner)
        | {
            "outcome": "rejected",
            "recorded": False,
            "limit_kind": error.kind,
            "current_value": error.current,
            "configured_limit": error.configured,
        },
    )
