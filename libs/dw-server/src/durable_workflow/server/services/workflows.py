"""Starting workflows."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.starting import Beginning, begin
from durable_workflow.server.engine.state import PENDING, TERMINATED, Run, shown_status
from durable_workflow.server.notices import RunAwaited
from durable_workflow.server.records import instances, runs
from durable_workflow.server.records.command_records import CommandRecord
from durable_workflow.server.records.instances import Instance
from durable_workflow.server.refusals import Invalid
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, StartWorkflow
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import builds, control, repetitions, starts
from durable_workflow.server.services.payloads import envelope
from durable_workflow.server.services.search_attributes import check_values
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Read, Tx

# Each policy under both of its spellings (decisions of the duplicate policy).
FAIL, USE_EXISTING, ALLOW, TERMINATE_EXISTING = "fail", "use-existing", "allow", "terminate"
_POLICIES = {
    "fail": FAIL,
    "reject": FAIL,
    "use-existing": USE_EXISTING,
    "use_existing": USE_EXISTING,
    "allow": ALLOW,
    "terminate_existing": TERMINATE_EXISTING,
}


def start(
    tx: Tx,
    caller: Caller,
    request: StartWorkflow,
    settings: ServiceSettings,
    waiter: object | None = None,
) -> Reply:
    """Start a workflow, or answer with the run that has the id already.

    Args:
        waiter: The caller's, if it waits for the end: told the run that has been started.
    """
    policy = _policy(request)
    repetitions.check_key(caller)
    check_attached(tx, caller.namespace, request.memo, request.search_attributes, settings.limits)
    workflow_id = request.workflow_id or repetitions.workflow_id(caller) or tx.new_id()
    unit = Unit(tx, settings)
    instance = instances.lock(tx, caller.namespace, workflow_id)
    if instance is None:
        answer = _start_new(unit, caller, request, workflow_id, None, None)
    elif (repeated := repetitions.find(tx, caller, workflow_id)) is not None:
        return _repeat(unit, repeated)
    else:
        answer = _start_again(unit, caller, request, workflow_id, instance, policy)
    unit.finish()
    if waiter is not None and answer.form == "created":
        tx.notify(RunAwaited(answer.body["run_id"], waiter))
    return answer


def _start_again(
    unit: Unit,
    caller: Caller,
    request: StartWorkflow,
    workflow_id: str,
    instance: Instance,
    policy: str,
) -> Reply:
    current = unit.run(instance.current_run_id)
    if policy == TERMINATE_EXISTING:
        if not current.closed:
            _terminate(unit, caller, current, instance)
        return _start_new(unit, caller, request, workflow_id, instance, current)
    # A chain may have changed its type: its first and its current one both name it.
    if request.workflow_type not in (instance.workflow_type, current.workflow_type):
        text = (
            f"Workflow id {workflow_id} is already used for workflow type {current.workflow_type}."
        )
        raise Invalid({"workflow_type": [text]})
    if policy == ALLOW and current.closed:
        return _start_new(unit, caller, request, workflow_id, instance, current)
    return _duplicate(unit, caller, request, instance, current, existing=policy == USE_EXISTING)


def _start_new(
    unit: Unit,
    caller: Caller,
    request: StartWorkflow,
    workflow_id: str,
    instance: Instance | None,
    previous: Run | None,
) -> Reply:
    tx = unit.tx
    metadata = {
        "task_queue": request.task_queue,
        "duplicate_policy": request.duplicate_policy,
    }
    command = starts.accept(unit, caller, workflow_id, request.workflow_type, instance, metadata)
    beginning = _beginning(caller, request, command)
    beginning.compatibility = builds.pin(tx, caller.namespace, request.task_queue)
    beginning.command = control.snapshot(tx, caller, command)
    beginning.run_number = 1 if previous is None else previous.run_number + 1
    decision = begin(beginning, tx.now, tx.new_id)
    unit.apply(decision)
    return _answer(command, decision.run, request.business_key)


def _beginning(caller: Caller, request: StartWorkflow, command: CommandRecord) -> Beginning:
    return Beginning(
        namespace=caller.namespace,
        workflow_id=command.workflow_id,
        workflow_type=request.workflow_type,
        task_queue=request.task_queue,
        run_id=command.run_id,
        codec=request.codec,
        arguments=envelope(request.arguments),
        priority=request.priority,
        fairness_key=request.fairness_key,
        fairness_weight=request.fairness_weight,
        business_key=request.business_key,
        memo=request.memo,
        search_attributes=request.search_attributes,
        execution_timeout_seconds=request.execution_timeout_seconds,
        run_timeout_seconds=request.run_timeout_seconds,
        command_id=command.command_id,
    )


def _terminate(unit: Unit, caller: Caller, run: Run, instance: Instance) -> None:
    tx = unit.tx
    reason = "replaced by a new start"
    command = CommandRecord(
        name="terminate",
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        sequence=instances.count_command(tx, caller.namespace, run.workflow_id, instance),
        command_id=tx.new_id(),
        outcome="terminated",
        metadata={"reason": reason},
    )
    control.record(tx, caller, command)
    shown = control.snapshot(tx, caller, command)
    unit.close_by_command(run, TERMINATED, reason, command.command_id, shown)


def _duplicate(
    unit: Unit,
    caller: Caller,
    request: StartWorkflow,
    instance: Instance,
    current: Run,
    *,
    existing: bool,
) -> Reply:
    details = runs.details(unit.tx, current.run_id)
    metadata = {"duplicate_policy": request.duplicate_policy}
    command = starts.repeat(
        unit,
        caller,
        instance,
        current,
        details,
        metadata,
        arguments=envelope(request.arguments),
        existing=existing,
    )
    return _answer(command, current, details.business_key)


def _repeat(unit: Unit, command: CommandRecord) -> Reply:
    """What this start was answered when it came first."""
    run = unit.run(command.run_id)
    answer = _answer(command, run, runs.details(unit.tx, run.run_id).business_key)
    if answer.form == "created":
        answer.body["status"] = PENDING
    return answer


def _answer(command: CommandRecord, run: Run, business_key: str | None) -> Reply:
    body = _body(run, business_key, command.outcome)
    if command.rejection_reason is None:
        return Reply(body, form="created" if command.outcome == "started_new" else "done")
    reason = body["reason"] = "duplicate_not_allowed"
    body["rejection_reason"] = command.rejection_reason
    body["message"] = f"Workflow id {run.workflow_id} is already in use."
    return Reply(body, reason=reason)


def _body(run: Run, business_key: str | None, outcome: str | None) -> dict[str, Any]:
    return {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "workflow_type": run.workflow_type,
        "namespace": run.namespace,
        "status": shown_status(run),
        "business_key": business_key,
        "payload_codec": run.codec,
        "outcome": outcome,
    }


def _policy(request: StartWorkflow) -> str:
    policy = _POLICIES.get(request.duplicate_policy)
    if policy is None:
        text = (
            "The duplicate_policy field only supports fail or use-existing, "
            "and beside them allow and terminate_existing."
        )
        raise Invalid({"duplicate_policy": [text]})
    return policy


def check_attached(
    read: Read, namespace: str, memo: JsonObject, attributes: JsonObject, limits: Limits
) -> None:
    """See that a run may begin with this memo and these search attributes.

    Raises:
        Invalid: One is too large, or a value does not fit its definition.
    """
    _check_size("memo", memo, limits.memo_bytes)
    # The limit of upserts: a run that starts beyond it could never change its attributes.
    _check_size("search_attributes", attributes, limits.search_attribute_bytes)
    check_values(read, namespace, attributes, "search_attributes")


def _check_size(field: str, value: JsonObject, most: int) -> None:
    if most and value and len(msgspec.json.encode(value)) > most:
        raise Invalid({field: [f"The {field} field must not be larger than {most} bytes."]})
