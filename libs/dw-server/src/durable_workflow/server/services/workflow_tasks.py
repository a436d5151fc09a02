"""Workflow tasks: completion, failure, and what becomes of their leases."""

from __future__ import annotations

import logging
from typing import Any

from durable_workflow.server.engine import completion, tasks
from durable_workflow.server.engine.commands import Parsed, parse_commands
from durable_workflow.server.engine.refusal import InvalidCommands, LimitExceeded
from durable_workflow.server.engine.state import (
    WAITING,
    Run,
    Update,
    shown_status,
)
from durable_workflow.server.engine.times import precise_or_none
from durable_workflow.server.records import history as history_records
from durable_workflow.server.records import runs, updates
from durable_workflow.server.records.workers import find as find_worker
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    CompleteWorkflowTask,
    FailWorkflowTask,
    HistoryPage,
    TaskOwner,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services.ownership import guard, named, refusal
from durable_workflow.server.services.search_attributes import check_upserts
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.services.workers import (
    seen_by_lease,
)
from durable_workflow.server.slices import Slices
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views import history


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
        body["arguments"] = history.arguments(read, run.run_id)
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
    unit.put(tasks.renew(run, tx.now, tx.new_id, lease_seconds=lease).run)
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
        **run.ids,
    )
    _fail(unit, run, request.failure.message, request.failure.type)
    unit.finish()
    return Reply(
        named(request.owner)
        | {"outcome": "failed", "recorded": True, "reason": None, "next_task_id": None},
    )


def complete(
    tx: Tx, namespace: str, request: CompleteWorkflowTask, settings: ServiceSettings
) -> Slices[Reply]:
    """Apply what the worker decided: all of it, or nothing. Many commands take long."""
    unit = Unit(tx, settings)
    run = unit.adopt(guard(tx, namespace, request.owner))
    try:
        parsed, errors = yield from parse_commands(request.commands, run.codec, settings.limits)
        if errors:
            raise Invalid(errors)
        check_upserts(tx, namespace, request.commands)
        decision = yield from completion.complete(
            run,
            parsed,
            load(unit, run, parsed),
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
        tx.say(logging.WARNING, text, run.run_id, run.workflow_id, error, **run.ids)
        _fail(unit, run, f"non-deterministic workflow: {error}", type(error).__name__)
        unit.finish()
        return _refused(request.owner, "invalid_commands", f"Non-deterministic commands: {error}.")
    yield from unit.apply_in_slices(decision)
    yield from unit.finish_in_slices()
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


def load(unit: Unit, run: Run, parsed: Parsed) -> completion.Loaded:
    """What a completion with these commands needs besides its run."""
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
