"""How a run begins: started by a caller, by a parent, as the next of a chain, as a retry."""

from __future__ import annotations

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.decision import Decision, NewId
from durable_workflow.server.engine.state import Run, RunDetails
from durable_workflow.server.engine.tasks import wake
from durable_workflow.server.engine.times import SECOND, offset, precise


class Beginning(msgspec.Struct, kw_only=True):
    """Everything that a new run begins with.

    Attributes:
        execution_deadline: Kept from the run before in a chain; None computes it from the timeout.
        schedule_id: The schedule that starts it, or the first of its chain.
        fired_by: What `ScheduleTriggered` says, where a schedule starts it.
        started_by: Further members of `WorkflowStarted`: parent link, origin of a chain or retry.
        command_id: The caller's command. The history of a run that a caller or a schedule starts
            begins with `StartAccepted` (history-events.md); a schedule has no command.
        command: The snapshot of that command.
        available_at: When the first task may be taken; None for now.
    """

    namespace: str
    workflow_id: str
    workflow_type: str
    task_queue: str
    run_id: str
    run_number: int = 1
    codec: str = "avro"
    arguments: JsonObject | None = None
    compatibility: str | None = None
    priority: int = 5
    fairness_key: str | None = None
    fairness_weight: int = 1
    business_key: str | None = None
    memo: JsonObject = msgspec.field(default_factory=dict)
    search_attributes: JsonObject = msgspec.field(default_factory=dict)
    execution_timeout_seconds: int | None = None
    run_timeout_seconds: int | None = None
    execution_deadline: int | None = None
    parent_run_id: str | None = None
    parent_sequence: int | None = None
    link_id: str | None = None
    connection: str | None = None
    schedule_id: str | None = None
    fired_by: JsonObject | None = None
    continued_from_run_id: str | None = None
    started_by: JsonObject = msgspec.field(default_factory=dict)
    command_id: str | None = None
    command: JsonObject | None = None
    available_at: int | None = None


def begin(beginning: Beginning, now: int, new_id: NewId) -> Decision:
    """Create a run with its first events and its first task."""
    decision = create(beginning, now, new_id)
    wake(decision, available_at=beginning.available_at)
    return decision


def create(beginning: Beginning, now: int, new_id: NewId) -> Decision:
    """Create a run with its first events, and nothing that could advance it."""
    b = beginning
    execution_deadline = b.execution_deadline
    if execution_deadline is None and b.execution_timeout_seconds is not None:
        execution_deadline = now + b.execution_timeout_seconds * SECOND
    run_deadline = None
    if b.run_timeout_seconds is not None:
        run_deadline = (b.available_at or now) + b.run_timeout_seconds * SECOND
    run = Run(
        run_id=b.run_id,
        namespace=b.namespace,
        workflow_id=b.workflow_id,
        run_number=b.run_number,
        workflow_type=b.workflow_type,
        task_queue=b.task_queue,
        compatibility=b.compatibility,
        codec=b.codec,
        priority=b.priority,
        fairness_key=b.fairness_key,
        fairness_weight=b.fairness_weight,
        started_at=now,
        execution_timeout_seconds=b.execution_timeout_seconds,
        run_timeout_seconds=b.run_timeout_seconds,
        execution_deadline=execution_deadline,
        run_deadline=run_deadline,
        parent_run_id=b.parent_run_id,
        parent_sequence=b.parent_sequence,
        link_id=b.link_id,
        connection=b.connection,
        schedule_id=b.schedule_id,
    )
    decision = Decision(run, now, new_id)
    decision.created = RunDetails(
        run_id=b.run_id,
        arguments=b.arguments,
        business_key=b.business_key,
        memo=b.memo,
        search_attributes=b.search_attributes,
        continued_from_run_id=b.continued_from_run_id,
    )
    if b.command_id is not None or b.fired_by is not None:
        accepted = start_command_payload(b.command_id, b.command, decision.run, decision.created)
        accepted["outcome"] = "started_new"
        decision.append(names.START_ACCEPTED, accepted, command_id=b.command_id)
    _append_started(decision, b)
    if b.fired_by is not None:
        decision.append(names.SCHEDULE_TRIGGERED, b.fired_by)
    return decision


def start_command_payload(
    command_id: str | None, command: JsonObject | None, run: Run, details: RunDetails
) -> JsonObject:
    """What `StartAccepted` and `StartRejected` say of a start and of the run it concerns."""
    payload: JsonObject = {} if command_id is None else {"workflow_command_id": command_id}
    payload |= {
        "workflow_instance_id": run.workflow_id,
        "workflow_run_id": run.run_id,
        "workflow_class": run.workflow_type,
        "workflow_type": run.workflow_type,
        "business_key": details.business_key,
        "memo": details.memo,
        "search_attributes": details.search_attributes,
    }
    if command is not None:
        payload["command"] = command
    return payload


def _append_started(decision: Decision, b: Beginning) -> None:
    run = decision.run
    payload: JsonObject = {
        "workflow_class": run.workflow_type,
        "workflow_type": run.workflow_type,
        "workflow_instance_id": run.workflow_id,
        "workflow_run_id": run.run_id,
    }
    if b.command_id is not None:
        payload["workflow_command_id"] = b.command_id
    for key, value in (
        ("business_key", b.business_key),
        ("memo", b.memo),
        ("search_attributes", b.search_attributes),
        ("connection", run.connection),
        ("execution_timeout_seconds", run.execution_timeout_seconds),
        ("run_timeout_seconds", run.run_timeout_seconds),
    ):
        if value:
            payload[key] = value
    if run.execution_deadline is not None:
        payload["execution_deadline_at"] = offset(run.execution_deadline)
    if run.run_deadline is not None:
        payload["run_deadline_at"] = offset(run.run_deadline)
    payload.update(b.started_by)
    # R8, and the sign that `ctx.now()` moves with the events of this history.
    payload["timestamp"] = precise(run.started_at)
    payload["clock"] = "event"
    decision.append(names.WORKFLOW_STARTED, payload, command_id=b.command_id)
