"""Signals: told to a run, applied by its worker at the next replay (control-plane 4.8)."""

from __future__ import annotations

from typing import Any

from durable_workflow._wire import names
from durable_workflow.server.engine import buffered_events
from durable_workflow.server.engine.decision import encode_payload
from durable_workflow.server.engine.state import BufferedEvent, Run
from durable_workflow.server.records import command_records
from durable_workflow.server.records.command_records import NO_PAYLOAD, CommandRecord
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, SignalWorkflow
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import targets
from durable_workflow.server.services.payloads import envelope
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Tx


def signal(tx: Tx, caller: Caller, request: SignalWorkflow, settings: ServiceSettings) -> Reply:
    """Send a signal to a run. It is recorded at once, or buffered until the worker's completion.

    Sent again with its request id it is recorded once: the answer is the first one's.
    """
    unit = Unit(tx, settings)
    target = targets.lock(unit, caller.namespace, request.workflow_id, request.run_id)
    known = _known(unit, caller, request)
    if known is not None:
        return known
    command = targets.command_on(
        unit, target, "signal", target_name=request.signal_name, request_id=request.request_id
    )
    full = _is_full(target.run, settings)
    if target.run.closed or full:
        command.payload = envelope(request.arguments) or NO_PAYLOAD
    closed = targets.reject_if_closed(unit, caller, target, command)
    if not closed and full:
        targets.reject(unit, caller, command, "structural_limit_exceeded", None)
    elif not closed and target.run.hosts_activity:
        targets.reject(unit, caller, command, "unknown_signal", "rejected_unknown_signal")
    elif not closed:
        shown = targets.accept(unit, caller, command, "signal_received")
        run = unit.adopt(target.run)
        event = _event(run, tx.new_id(), command, request, shown)
        unit.apply(buffered_events.signal_received(run, tx.now, tx.new_id, event))
    unit.finish()
    body = targets.body(target, command) | {"signal_name": request.signal_name}
    return Reply(body, form="accepted", reason=command.rejection_reason)


def _known(unit: Unit, caller: Caller, request: SignalWorkflow) -> Reply | None:
    if request.request_id is None:
        return None
    command = command_records.accepted(
        unit.tx,
        caller.namespace,
        request.workflow_id,
        "signal",
        request.signal_name,
        request.request_id,
    )
    if command is None:
        return None
    # The run that was told: the workflow may have continued as new since.
    told = targets.told(unit, caller.namespace, command)
    body = targets.body(told, command) | {"signal_name": request.signal_name}
    return Reply(body, form="accepted")


def _is_full(run: Run, settings: ServiceSettings) -> bool:
    limit = settings.limits.pending_signals
    return bool(limit) and run.pending_signals >= limit


def _event(
    run: Run, signal_id: str, command: CommandRecord, request: SignalWorkflow, shown: dict[str, Any]
) -> BufferedEvent:
    wait_id = f"signal-command:{command.command_id}"
    payload: dict[str, Any] = {
        "workflow_command_id": command.command_id,
        "signal_id": signal_id,
        "workflow_instance_id": run.workflow_id,
        "workflow_run_id": run.run_id,
        "signal_name": request.signal_name,
        "signal_wait_id": wait_id,
    }
    arguments = envelope(request.arguments)
    if arguments is not None:  # R9: workers read them here and nowhere else.
        payload["arguments"] = arguments
        payload["payload_codec"] = arguments["codec"]
    payload["command"] = shown
    context = {
        "workflow_wait_kind": "signal",
        "open_wait_id": f"signal-application:{signal_id}",
        "resume_source_kind": "workflow_signal",
        "resume_source_id": signal_id,
        "workflow_signal_id": signal_id,
        "signal_name": request.signal_name,
        "signal_wait_id": wait_id,
        "workflow_command_id": command.command_id,
    }
    return BufferedEvent(
        "signal",
        signal_id,
        names.SIGNAL_RECEIVED,
        encode_payload(payload),
        command.command_id,
        context,
    )
