"""Starting activities by themselves (control-plane 14). Each is hosted by a run of its own."""

from __future__ import annotations

from typing import Any

from durable_workflow._wire import names
from durable_workflow.server.engine import standalone
from durable_workflow.server.engine.scheduling import Scheduling, policy_from
from durable_workflow.server.engine.starting import Beginning
from durable_workflow.server.engine.state import RUNNING, Run
from durable_workflow.server.records import activities, instances, runs
from durable_workflow.server.records.command_records import CommandRecord
from durable_workflow.server.records.instances import Instance
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, StartActivity
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import control, repetitions, starts
from durable_workflow.server.services.payloads import envelope
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Tx
from durable_workflow.server.views.standalone_activities import started


def start(tx: Tx, caller: Caller, request: StartActivity, settings: ServiceSettings) -> Reply:
    """Start an activity, unless its id is in use.

    An id whose activity has ended is free for the next; that of a workflow never is.
    """
    repetitions.check_key(caller)
    activity_id = request.activity_id or repetitions.workflow_id(caller) or tx.new_id()
    unit = Unit(tx, settings)
    instance = instances.lock(tx, caller.namespace, activity_id)
    repeated = None if instance is None else repetitions.find(tx, caller, activity_id)
    if repeated is not None:
        return _repeat(unit, repeated)
    current = None if instance is None else unit.run(instance.current_run_id)
    if instance is not None and current is not None and not _is_free(instance, current):
        reply = _refuse(unit, caller, request, instance, current)
    else:
        reply = _start(unit, caller, request, activity_id, instance, current)
    unit.finish()
    return reply


def _is_free(instance: Instance, current: Run) -> bool:
    hosts = instance.workflow_type == names.STANDALONE_ACTIVITY and current.hosts_activity
    return hosts and current.closed


def _start(
    unit: Unit,
    caller: Caller,
    request: StartActivity,
    activity_id: str,
    instance: Instance | None,
    previous: Run | None,
) -> Reply:
    tx = unit.tx
    command = starts.accept(
        unit, caller, activity_id, names.STANDALONE_ACTIVITY, instance, _metadata(request)
    )
    arguments = envelope(request.arguments)
    beginning = Beginning(
        namespace=caller.namespace,
        workflow_id=activity_id,
        workflow_type=names.STANDALONE_ACTIVITY,
        task_queue=request.task_queue,
        run_id=command.run_id,
        run_number=1 if previous is None else previous.run_number + 1,
        codec="avro" if arguments is None else arguments["codec"],
        business_key=request.business_key,
        command_id=command.command_id,
        command=control.snapshot(tx, caller, command),
    )
    what = Scheduling(
        activity_type=request.activity_type,
        task_queue=request.task_queue,
        arguments=arguments,
        policy=policy_from(
            request.retry_policy,
            start_to_close_timeout=request.start_to_close_timeout_seconds,
            schedule_to_start_timeout=request.schedule_to_start_timeout_seconds,
            schedule_to_close_timeout=request.schedule_to_close_timeout_seconds,
            heartbeat_timeout=request.heartbeat_timeout_seconds,
        ),
        label=request.activity_class,
    )
    decision = standalone.start(beginning, what, tx.now, tx.new_id)
    unit.apply(decision)
    activity = decision.new_activities[0].activity
    body = started(decision.run, activity, request.activity_class)
    return Reply(body | _told(command), form="created")


def _refuse(
    unit: Unit, caller: Caller, request: StartActivity, instance: Instance, current: Run
) -> Reply:
    details = runs.details(unit.tx, current.run_id)
    metadata = _metadata(request)
    command = starts.repeat(
        unit,
        caller,
        instance,
        current,
        details,
        metadata,
        arguments=envelope(request.arguments),
        existing=False,
    )
    return _refusal(command, current)


def _repeat(unit: Unit, command: CommandRecord) -> Reply:
    """What this start was answered when it came first."""
    run = unit.run(command.run_id)
    if command.rejection_reason is not None:
        return _refusal(command, run)
    activity, label = activities.of_step(unit.tx, run.run_id, standalone.SEQUENCE)
    body = started(run, activity, label) | {"status": RUNNING}
    return Reply(body | _told(command), form="created")


def _refusal(command: CommandRecord, current: Run) -> Reply:
    what = "a standalone activity" if current.hosts_activity else "a workflow"
    reason = "duplicate_not_allowed"
    body: dict[str, Any] = {
        "activity_id": current.workflow_id,
        "workflow_id": current.workflow_id,
        "workflow_run_id": current.run_id,
        "workflow_type": current.workflow_type,
        "namespace": current.namespace,
        "outcome": command.outcome,
        "reason": reason,
        "rejection_reason": command.rejection_reason,
        "message": f"Activity id {current.workflow_id} is already in use by {what}.",
    }
    return Reply(body | _told(command), reason=reason)


def _metadata(request: StartActivity) -> dict[str, Any]:
    return {"activity_type": request.activity_type, "task_queue": request.task_queue}


def _told(command: CommandRecord) -> dict[str, Any]:
    return {"command_status": command.status, "command_source": control.SOURCE}
