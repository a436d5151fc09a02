"""Updates: accepted into a run, applied by its worker in a task of its own (control-plane 4.10)."""

from __future__ import annotations

from typing import Any, Final

from durable_workflow._wire import names
from durable_workflow.server.engine import buffered_events
from durable_workflow.server.engine.commands.update_outcomes import fields_of
from durable_workflow.server.engine.decision import encode_payload
from durable_workflow.server.engine.payloads import recorded
from durable_workflow.server.engine.state import COMPLETED, FAILED, BufferedEvent, Run, Update
from durable_workflow.server.engine.times import precise_or_none
from durable_workflow.server.records import instances, runs
from durable_workflow.server.records import updates as records
from durable_workflow.server.records.command_records import NO_PAYLOAD, CommandRecord
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, UpdateWorkflow
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import targets
from durable_workflow.server.services.payloads import envelope
from durable_workflow.server.services.targets import Target
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views.decoding import decoded
from durable_workflow.server.views.describing import instance_not_found

_ACCEPTED, _REJECTED = "accepted", "rejected"
_OUTCOMES: Final = {
    _ACCEPTED: "update_accepted",
    COMPLETED: "update_completed",
    FAILED: "update_failed",
    _REJECTED: "update_rejected",
}


def accept(tx: Tx, caller: Caller, request: UpdateWorkflow, settings: ServiceSettings) -> Reply:
    """Accept an update; asked again with the same request id, answer as it stands now."""
    unit = Unit(tx, settings)
    target = targets.lock(unit, caller.namespace, request.workflow_id, request.run_id)
    known = find_by_request(tx, caller.namespace, request)
    if known is not None:
        return answer(target, known, request)
    command = _command(unit, target, request)
    if target.run.closed or _is_full(target.run, settings):
        command.payload = envelope(request.arguments) or NO_PAYLOAD
    if targets.reject_if_closed(unit, caller, target, command):
        return _refused(unit, target, command, request)
    if target.run.hosts_activity:
        targets.reject(unit, caller, command, "unknown_update", "rejected_unknown_update")
        return _refused(unit, target, command, request)
    if _is_full(target.run, settings):
        targets.reject(unit, caller, command, "structural_limit_exceeded", None)
        return _refused(unit, target, command, request)
    shown = targets.accept(unit, caller, command, "update_accepted")
    run = unit.adopt(target.run)
    update = _new(tx, run, command, request)
    event = _event(update, shown)
    unit.apply(buffered_events.update_accepted(run, tx.now, tx.new_id, update, event))
    unit.finish()
    return answer(target, update, request)


def reject(
    tx: Tx,
    caller: Caller,
    request: UpdateWorkflow,
    settings: ServiceSettings,
    *,
    reason: str,
    message: str,
) -> Reply:
    """Note that a validator refused an update before it was accepted (`update_validation`)."""
    unit = Unit(tx, settings)
    target = targets.lock(unit, caller.namespace, request.workflow_id, request.run_id)
    command = _command(unit, target, request)
    command.payload = envelope(request.arguments) or NO_PAYLOAD
    outcome = "rejected_unknown_update" if reason == "unknown_update" else "update_rejected"
    targets.reject(unit, caller, command, reason, outcome)
    refused = _refused(unit, target, command, request)
    refused.body["message"] = message
    refused.body["failure_message"] = message
    return refused


def read(read_: Read, namespace: str, update_id: str, request: UpdateWorkflow) -> Reply:
    """How an update stands now."""
    update = records.find(read_, update_id)
    run = None if update is None else runs.find(read_, update.run_id)
    instance = instances.find(read_, namespace, request.workflow_id)
    if update is None or run is None or instance is None:
        # A retention pass has removed the run, which it was told to by its id.
        raise instance_not_found(request.workflow_id)
    return answer(Target(instance, run, request.run_id), update, request)


def find_by_request(read_: Read, namespace: str, request: UpdateWorkflow) -> Update | None:
    """The update that was asked for with this request id before."""
    if request.request_id is None:
        return None
    return records.by_request(
        read_, namespace, request.workflow_id, request.update_name, request.request_id
    )


def answer(target: Target, update: Update, request: UpdateWorkflow) -> Reply:
    """The answer for an update as it stands."""
    outcome = _OUTCOMES[update.status]
    command = CommandRecord(
        name="update",
        workflow_id=update.workflow_id,
        run_id=update.run_id,
        sequence=update.command_sequence,
        command_id=update.command_id,
        outcome=outcome,
        # Accepted once, and rejected by its validator when it was applied.
        status=_REJECTED if update.status == _REJECTED else _ACCEPTED,
    )
    body = targets.body(target, command)
    body["run_id"] = body["resolved_run_id"] = update.run_id
    if update.status == _REJECTED:
        body["reason"] = body["rejection_reason"] = "update_rejected"
        body["message"] = update.failure_message
    elif update.status == FAILED:
        body["message"] = update.failure_message
    return Reply(
        body | _members(update, request),
        form="accepted" if update.status == _ACCEPTED else "done",
        reason=outcome if update.status in (FAILED, _REJECTED) else None,
    )


def _members(update: Update, request: UpdateWorkflow) -> dict[str, Any]:
    return {
        "update_id": update.update_id,
        "update_name": update.update_name,
        "update_status": update.status,
        "workflow_sequence": update.workflow_sequence,
        "result": decoded(update.result),
        "result_envelope": update.result,
        "failure_id": update.failure_id,
        "failure_message": update.failure_message,
        "accepted_at": precise_or_none(update.accepted_at),
        "applied_at": precise_or_none(update.applied_at),
        "rejected_at": precise_or_none(update.rejected_at),
        "closed_at": precise_or_none(update.closed_at),
        "wait_for": request.wait_for,
        "wait_timed_out": False,
        "wait_timeout_seconds": request.wait_timeout_seconds,
    }


def _refused(unit: Unit, target: Target, command: CommandRecord, request: UpdateWorkflow) -> Reply:
    unit.finish()
    refused = Update(
        update_id=unit.tx.new_id(),
        namespace=target.run.namespace,
        workflow_id=command.workflow_id,
        run_id=command.run_id,
        command_id=command.command_id,
        command_sequence=command.sequence,
        update_name=request.update_name,
        request_id=None,
        arguments=None,
        position=0,
        accepted_at=None,
        status=_REJECTED,
        rejected_at=unit.tx.now,
        closed_at=unit.tx.now,
    )
    return Reply(
        targets.body(target, command) | _members(refused, request), reason=command.rejection_reason
    )


def _command(unit: Unit, target: Target, request: UpdateWorkflow) -> CommandRecord:
    return targets.command_on(
        unit,
        target,
        "update",
        target_name=request.update_name,
        request_id=request.request_id,
        metadata={"wait_for": request.wait_for},
    )


def _is_full(run: Run, settings: ServiceSettings) -> bool:
    limit = settings.limits.pending_updates
    return bool(limit) and run.pending_updates >= limit


def _new(tx: Tx, run: Run, command: CommandRecord, request: UpdateWorkflow) -> Update:
    return Update(
        update_id=tx.new_id(),
        namespace=run.namespace,
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        command_id=command.command_id,
        command_sequence=command.sequence,
        update_name=request.update_name,
        request_id=request.request_id,
        arguments=envelope(request.arguments),
        # Commands of a workflow id are numbered through all its runs.
        position=command.sequence,
        accepted_at=tx.now,
    )


def _event(update: Update, shown: dict[str, Any]) -> BufferedEvent:
    payload = fields_of(update)
    if update.arguments is not None:
        payload["arguments"] = recorded(update.arguments)
        payload["payload_codec"] = update.arguments["codec"]
    payload["command"] = shown
    return BufferedEvent(
        "update",
        update.update_id,
        names.UPDATE_ACCEPTED,
        encode_payload(payload),
        update.command_id,
    )
