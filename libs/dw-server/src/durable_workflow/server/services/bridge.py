"""The bridge: commands that events of other systems ask for (control-plane 13).

The answer is always an outcome: accepted, duplicate, or rejected with a reason. A command that the
bridge carries out or has refused is stored like any other, with the adapter and the event's key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.payloads import blob_size
from durable_workflow.server.records import command_records, instances, runs
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Form, Reply
from durable_workflow.server.requests import (
    BridgeEvent,
    Caller,
    SignalTarget,
    SignalWorkflow,
    StartTarget,
    StartWorkflow,
    UpdateTarget,
    UpdateWorkflow,
)
from durable_workflow.server.requests.bridge import REJECT_DUPLICATE
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import signals, updates, workflows
from durable_workflow.server.services.payloads import envelope
from durable_workflow.server.store.protocol import Read, Tx

_SCHEMA: Final = "durable-workflow.v2.bridge-adapter-outcome.contract"
_ECHOED: Final = (
    "workflow_id",
    "workflow_type",
    "signal_name",
    "update_name",
    "task_queue",
    "business_key",
)
_MESSAGES: Final = {
    "malformed_payload": "Bridge event payload is malformed.",
    "unsupported_action": "Bridge action is unsupported.",
    "unsupported_routing": "Bridge adapter name is unsupported.",
    "unknown_target": "Bridge target is unknown.",
    "duplicate_start": "The workflow id of the bridge target is already in use.",
    "payload_too_large": "Bridge event input is too large.",
}
_FORMS: Final[dict[str, Form]] = {
    "accepted": "accepted",
    "duplicate": "done",
    "rejected": "rejected",
}


class Delivered(Exception):
    """An update that the event asked for before: nothing is done again.

    Attributes:
        reply: What the sender is told.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__("the event was delivered before")
        self.reply = reply


def start(
    tx: Tx, caller: Caller, event: BridgeEvent, target: StartTarget, settings: ServiceSettings
) -> Reply:
    """Start the workflow that an event names, unless its id is in use."""
    workflow_id = target.workflow_id or _workflow_id(event)
    event = msgspec.structs.replace(event, target={**event.target, "workflow_id": workflow_id})
    instance = instances.lock(tx, caller.namespace, workflow_id)
    existing = False
    if instance is not None:
        current = runs.lock(tx, instance.current_run_id)
        assert current is not None
        if target.workflow_type not in (instance.workflow_type, current.workflow_type):
            return rejected(event, "duplicate_start", {"workflow_id": workflow_id})
        existing = target.duplicate_policy != REJECT_DUPLICATE and not current.closed
    request = StartWorkflow(
        workflow_type=target.workflow_type,
        workflow_id=workflow_id,
        task_queue=target.task_queue,
        arguments=event.arguments,
        business_key=target.business_key,
        duplicate_policy="use-existing" if existing else "fail",
    )
    reply = workflows.start(tx, caller, request, settings)
    if existing:
        return _outcome(event, "duplicate", reply.body, reason="duplicate_start")
    if reply.reason is not None:
        return rejected(event, "duplicate_start", reply.body)
    return _outcome(event, "accepted", reply.body)


def signal(
    tx: Tx, caller: Caller, event: BridgeEvent, target: SignalTarget, settings: ServiceSettings
) -> Reply:
    """Send the signal that an event is, once."""
    instances.lock(tx, caller.namespace, target.workflow_id)
    again = _delivered(tx, caller, event, target.workflow_id, "signal", target.signal_name)
    if again is not None:
        return again
    request = SignalWorkflow(
        workflow_id=target.workflow_id,
        signal_name=target.signal_name,
        arguments=event.arguments,
        request_id=_request_id(event),
    )
    return _of_command(event, signals.signal(tx, caller, request, settings))


def update_request(event: BridgeEvent, target: UpdateTarget) -> UpdateWorkflow:
    """The update that an event asks for."""
    return UpdateWorkflow(
        workflow_id=target.workflow_id,
        update_name=target.update_name,
        arguments=event.arguments,
        request_id=_request_id(event),
        wait_for=target.wait_for,
        wait_timeout_seconds=target.wait_timeout_seconds,
    )


def check_update(read: Read, caller: Caller, event: BridgeEvent, target: UpdateTarget) -> None:
    """Check that the event has not been delivered.

    Raises:
        Delivered: It has.
    """
    again = _delivered(read, caller, event, target.workflow_id, "update", target.update_name)
    if again is not None:
        raise Delivered(again)


def accept_update(
    tx: Tx,
    caller: Caller,
    event: BridgeEvent,
    target: UpdateTarget,
    request: UpdateWorkflow,
    settings: ServiceSettings,
) -> Reply:
    """Accept the update that an event asks for.

    Raises:
        Delivered: The event has been delivered.
    """
    instances.lock(tx, caller.namespace, target.workflow_id)
    check_update(tx, caller, event, target)
    return updates.accept(tx, caller, request, settings)


def updated(event: BridgeEvent, reply: Reply) -> Reply:
    """The outcome of an update that was asked for."""
    return _of_command(event, reply)


def refused(event: BridgeEvent, error: Refused) -> Reply:
    """The outcome of a command that could not be recorded, because its target is not there.

    Raises:
        Refused: The bridge has no outcome for it.
    """
    if isinstance(error, Invalid):
        return rejected(event, "malformed_payload", errors=error.extra["errors"])
    if error.reason != "instance_not_found":
        raise error
    return rejected(event, "unknown_target")


def malformed(names: Mapping[str, str], error: Invalid) -> Reply:
    """The outcome of an event that cannot be read.

    Args:
        names: What stands beside it: the adapter.
    """
    errors = error.extra["errors"]
    reason = "unsupported_routing" if "adapter" in errors else "malformed_payload"
    body = {"schema": _SCHEMA, "version": 1, "adapter": names["adapter"].strip()}
    body |= {"accepted": False, "outcome": "rejected", "reason": reason}
    body["message"] = _MESSAGES[reason]
    if reason == "malformed_payload":
        body["errors"] = errors
    return Reply(body, form="rejected")


def check_size(event: BridgeEvent, settings: ServiceSettings) -> Reply | None:
    """The outcome of an event whose input is too large; None where it is not."""
    most = settings.limits.payload_bytes
    if most and blob_size(envelope(event.arguments)) > most:
        return rejected(event, "payload_too_large")
    return None


def rejected(
    event: BridgeEvent,
    reason: str,
    told: Mapping[str, Any] | None = None,
    *,
    errors: JsonObject | None = None,
) -> Reply:
    """The outcome of an event that is not carried out.

    Args:
        told: What the command's own answer says.
        errors: What is wrong with each field.
    """
    return _outcome(event, "rejected", told or {}, reason=reason, errors=errors)


def _of_command(event: BridgeEvent, reply: Reply) -> Reply:
    body = reply.body
    if body["command_status"] == "rejected":
        return rejected(event, body["rejection_reason"], body)
    return _outcome(event, "accepted", body, reason=reply.reason)


def _delivered(
    read: Read, caller: Caller, event: BridgeEvent, workflow_id: str, name: str, target_name: str
) -> Reply | None:
    known = command_records.accepted(
        read, caller.namespace, workflow_id, name, target_name, _request_id(event)
    )
    if known is None:
        return None
    run = runs.find(read, known.run_id)
    assert run is not None
    body = {
        "workflow_id": workflow_id,
        "run_id": known.run_id,
        "workflow_type": run.workflow_type,
        "outcome": "deduped_existing_command",
    }
    return _outcome(event, "duplicate", body)


def _outcome(
    event: BridgeEvent,
    outcome: str,
    told: Mapping[str, Any],
    *,
    reason: str | None = None,
    errors: JsonObject | None = None,
) -> Reply:
    message = None
    if outcome == "rejected":
        message = _MESSAGES.get(reason or "") or told.get("message")
    body: dict[str, Any] = {
        "schema": _SCHEMA,
        "version": 1,
        "adapter": event.adapter,
        "action": event.action,
        "accepted": outcome == "accepted",
        "outcome": outcome,
        "reason": reason,
        "idempotency_key": event.idempotency_key,
        "target": {name: event.target[name] for name in _ECHOED if event.target.get(name)},
        "correlation": event.correlation,
        "workflow_id": told.get("workflow_id"),
        "run_id": told.get("run_id"),
        "workflow_type": told.get("workflow_type"),
        "control_plane_outcome": told.get("outcome"),
        "message": message,
        "errors": errors,
    }
    body = {name: value for name, value in body.items() if value is not None}
    return Reply(body, form=_FORMS[outcome])


def _workflow_id(event: BridgeEvent) -> str:
    digest = hashlib.sha256(event.idempotency_key.encode()).hexdigest()
    return f"bridge-{event.adapter}-{digest[:32]}"


def _request_id(event: BridgeEvent) -> str:
    # No adapter has a slash in its name, so two events never share an id.
    return f"bridge/{event.adapter}/{event.idempotency_key}"
