"""Archiving: a closed run is kept, whatever its age (control-plane 4.13)."""

from __future__ import annotations

from durable_workflow.server.engine import operator_requests
from durable_workflow.server.records import runs
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import ArchiveWorkflow, Caller
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import targets
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Tx


def archive(tx: Tx, caller: Caller, request: ArchiveWorkflow, settings: ServiceSettings) -> Reply:
    """Archive the current run of a workflow id, which must be closed."""
    unit = Unit(tx, settings)
    target = targets.lock(unit, caller.namespace, request.workflow_id, None)
    command = targets.command_on(
        unit,
        target,
        "archive",
        request_id=request.request_id,
        metadata={"reason": request.reason},
    )
    run = target.run
    if not run.closed:
        targets.reject(unit, caller, command, "run_not_closed", "rejected_run_not_closed")
        return Reply(targets.body(target, command), reason=command.rejection_reason)
    outcome = "archived" if run.archived_at is None else "archive_not_needed"
    shown = targets.accept(unit, caller, command, outcome)
    unit.apply(
        operator_requests.archive(
            run,
            tx.now,
            tx.new_id,
            command_id=command.command_id,
            command=shown,
            outcome=outcome,
            reason=request.reason,
        )
    )
    if run.archived_at is None:
        archived = {"command_id": command.command_id, "reason": request.reason}
        runs.save_archive(tx, run.run_id, archived)
    unit.finish()
    return Reply(targets.body(target, command, reason=request.reason))
