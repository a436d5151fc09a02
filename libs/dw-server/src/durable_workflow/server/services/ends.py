"""Cancelling and terminating: the current run is closed at once (control-plane 4.11)."""

from __future__ import annotations

from durable_workflow.server.engine.state import CANCELLED, TERMINATED
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, CloseWorkflow
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import targets
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Tx


def cancel(tx: Tx, caller: Caller, request: CloseWorkflow, settings: ServiceSettings) -> Reply:
    """Cancel the current run and what it has open."""
    return _close(tx, caller, request, settings, "cancel", CANCELLED)


def terminate(tx: Tx, caller: Caller, request: CloseWorkflow, settings: ServiceSettings) -> Reply:
    """Terminate the current run and what it has open."""
    return _close(tx, caller, request, settings, "terminate", TERMINATED)


def _close(
    tx: Tx,
    caller: Caller,
    request: CloseWorkflow,
    settings: ServiceSettings,
    verb: str,
    status: str,
) -> Reply:
    unit = Unit(tx, settings)
    target = targets.lock(unit, caller.namespace, request.workflow_id, request.run_id)
    command = targets.command_on(
        unit,
        target,
        verb,
        request_id=request.request_id,
        metadata={"reason": request.reason},
    )
    if targets.reject_if_closed(unit, caller, target, command):
        return Reply(targets.body(target, command), reason=command.rejection_reason)
    shown = targets.accept(unit, caller, command, status)
    run = unit.adopt(target.run)
    unit.close_by_command(run, status, request.reason, command.command_id, shown)
    unit.finish()
    return Reply(targets.body(target, command, reason=request.reason))
