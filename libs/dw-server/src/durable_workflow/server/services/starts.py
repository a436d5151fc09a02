"""Taking a workflow id for a new run, and refusing to: the commands of everything that starts."""

from __future__ import annotations

from typing import Any

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.starting import start_command_payload
from durable_workflow.server.engine.state import Run, RunDetails
from durable_workflow.server.records import instances
from durable_workflow.server.records.command_records import NO_PAYLOAD, CommandRecord
from durable_workflow.server.records.instances import Instance
from durable_workflow.server.requests import Caller
from durable_workflow.server.services import control
from durable_workflow.server.services.unit import Unit

# Up to this number, starts of an id that is in use are in its history; all are in `commands`.
_MOST_IN_HISTORY = 1000


def accept(
    unit: Unit,
    caller: Caller,
    workflow_id: str,
    workflow_type: str,
    instance: Instance | None,
    metadata: dict[str, Any],
) -> CommandRecord:
    """Take a workflow id, which the unit has locked, for a new run; store the command that did it.

    Args:
        instance: The id as it was used so far; None where it was not.
    """
    tx = unit.tx
    command = CommandRecord(
        name="start",
        workflow_id=workflow_id,
        run_id=tx.new_id(),
        sequence=1,
        command_id=tx.new_id(),
        request_id=caller.idempotency_key,
        outcome="started_new",
        metadata=metadata,
    )
    if instance is None:
        instances.insert(
            tx,
            caller.namespace,
            workflow_id,
            workflow_type=workflow_type,
            run_id=command.run_id,
            command_sequence=1,
        )
    else:
        command.sequence = instances.count_command(tx, caller.namespace, workflow_id, instance)
        instances.point(tx, caller.namespace, workflow_id, command.run_id)
        if workflow_type != instance.workflow_type:
            instances.retype(tx, caller.namespace, workflow_id, workflow_type)
    control.record(tx, caller, command)
    return command


def repeat(
    unit: Unit,
    caller: Caller,
    instance: Instance,
    current: Run,
    details: RunDetails,
    metadata: dict[str, Any],
    *,
    arguments: JsonObject | None,
    existing: bool,
) -> CommandRecord:
    """Store a start of an id that is in use, which starts nothing.

    Args:
        arguments: What the caller wanted to start it with.
        existing: Whether the caller is content with the run that has the id.
    """
    tx = unit.tx
    command = CommandRecord(
        name="start",
        workflow_id=current.workflow_id,
        run_id=current.run_id,
        sequence=instances.count_command(tx, caller.namespace, current.workflow_id, instance),
        command_id=tx.new_id(),
        request_id=caller.idempotency_key,
        status="accepted" if existing else "rejected",
        outcome="returned_existing_active" if existing else "rejected_duplicate",
        rejection_reason=None if existing else "instance_already_started",
        metadata=metadata,
    )
    if arguments != details.arguments:
        command.payload = arguments or NO_PAYLOAD
    control.record(tx, caller, command)
    if not current.closed and command.sequence <= _MOST_IN_HISTORY:
        # The history of a closed run stays as it ended. And a caller who starts the same id once
        # a second, to be sure that it runs, must not fill its history until that fails it.
        decision = Decision(current, tx.now, tx.new_id)
        payload = start_command_payload(
            command.command_id, control.snapshot(tx, caller, command), current, details
        )
        payload["outcome"] = command.outcome
        if not existing:
            payload["rejection_reason"] = command.rejection_reason
        event_type = names.START_ACCEPTED if existing else names.START_REJECTED
        decision.append(event_type, payload, command_id=command.command_id)
        unit.apply(decision)
    return command
