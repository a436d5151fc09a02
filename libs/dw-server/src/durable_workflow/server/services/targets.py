"""What a command is about, and the body that all commands answer with (control-plane 4.7)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import msgspec

from durable_workflow.server.engine.state import Run
from durable_workflow.server.records import instances, runs
from durable_workflow.server.records.command_records import CommandRecord
from durable_workflow.server.records.instances import Instance
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import Caller
from durable_workflow.server.services import control
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views.describing import instance_not_found

_NOT_ACTIVE = "run_not_active"


class Target(msgspec.Struct):
    """The run that a command is about: always the current one of its workflow id."""

    instance: Instance
    run: Run
    requested_run_id: str | None

    @property
    def scope(self) -> str:
        """Whether the caller named the workflow id alone, or a run of it."""
        return "instance" if self.requested_run_id is None else "run"


def find(read: Read, namespace: str, workflow_id: str, run_id: str | None) -> Target:
    """The current run of a workflow id.

    Raises:
        Refused: There is no such workflow, or `run_id` is not its current run.
    """
    instance = instances.find(read, namespace, workflow_id)
    return _target(instance, workflow_id, run_id, functools.partial(runs.find, read))


def lock(unit: Unit, namespace: str, workflow_id: str, run_id: str | None) -> Target:
    """The current run of a workflow id, locked: no other unit commands it before this one ends.

    Raises:
        Refused: There is no such workflow, or `run_id` is not its current run.
    """
    instance = instances.lock(unit.tx, namespace, workflow_id)
    return _target(instance, workflow_id, run_id, unit.find)


def told(unit: Unit, namespace: str, command: CommandRecord) -> Target:
    """What a command was about when it was carried out."""
    instance = instances.find(unit.tx, namespace, command.workflow_id)
    run = runs.find(unit.tx, command.run_id)
    assert instance is not None
    assert run is not None
    return Target(instance, run, command.run_id if command.target_scope == "run" else None)


def _target(
    instance: Instance | None,
    workflow_id: str,
    run_id: str | None,
    find_run: Callable[[str], Run | None],
) -> Target:
    if instance is None:
        raise instance_not_found(workflow_id)
    if run_id is not None and run_id != instance.current_run_id:
        raise Refused(
            "historical_run_command_rejected",
            "Commands cannot target historical runs. Use the instance-level endpoint to command "
            "the current run, or omit the run ID.",
            extra={"workflow_id": workflow_id, "run_id": run_id, "target_scope": "run"},
        )
    run = find_run(instance.current_run_id)
    assert run is not None
    return Target(instance, run, run_id)


def command_on(
    unit: Unit,
    target: Target,
    name: str,
    *,
    target_name: str | None = None,
    request_id: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> CommandRecord:
    """A new command to a target, numbered."""
    run = target.run
    known: dict[str, Any] = {"request_id": request_id} | (metadata or {})
    if target_name is not None:
        known[f"{name}_name"] = target_name
    return CommandRecord(
        name=name,
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        sequence=instances.count_command(unit.tx, run.namespace, run.workflow_id, target.instance),
        command_id=unit.tx.new_id(),
        target_name=target_name,
        target_scope=target.scope,
        request_id=request_id,
        metadata={key: value for key, value in known.items() if value is not None},
    )


def accept(unit: Unit, caller: Caller, command: CommandRecord, outcome: str) -> dict[str, Any]:
    """Store a command that is carried out.

    Returns:
        Its snapshot, for the event that it causes.
    """
    command.outcome = outcome
    control.record(unit.tx, caller, command)
    return control.snapshot(unit.tx, caller, command)


def reject(
    unit: Unit, caller: Caller, command: CommandRecord, reason: str, outcome: str | None
) -> None:
    """Store a command that is not carried out."""
    command.status, command.outcome, command.rejection_reason = "rejected", outcome, reason
    control.record(unit.tx, caller, command)


def body(target: Target, command: CommandRecord, *, reason: str | None = None) -> dict[str, Any]:
    """What every command answers with; `reason` is the caller's own, where it gave one."""
    run, rejection = target.run, command.rejection_reason
    shown: dict[str, Any] = {
        "outcome": command.outcome,
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "requested_run_id": target.requested_run_id,
        "resolved_run_id": run.run_id,
        "command_id": command.command_id,
        "command_sequence": command.sequence,
        "target_scope": target.scope,
        "workflow_type": run.workflow_type,
        "command_status": command.status,
        "command_source": control.SOURCE,
        "reason": rejection or reason,
        "rejection_reason": rejection,
        "validation_errors": {},
    }
    if rejection is not None:
        shown["message"] = _MESSAGES.get(rejection, "The command was rejected.")
    return shown


def reject_if_closed(unit: Unit, caller: Caller, target: Target, command: CommandRecord) -> bool:
    """Store the command as rejected where the run has ended; whether it has."""
    if target.run.closed:
        reject(unit, caller, command, _NOT_ACTIVE, "rejected_not_active")
    return target.run.closed


_MESSAGES = {
    _NOT_ACTIVE: "The workflow run is not active.",
    "structural_limit_exceeded": "Structural limit exceeded: too many of these are pending.",
    "run_not_closed": "The workflow run is not closed.",
    "update_rejected": "The update was rejected by its validator.",
    "unknown_signal": "The workflow does not know this signal.",
    "unknown_update": "The workflow does not know this update.",
}
