"""Commands of the control plane: each is stored, whether it is carried out or refused."""

from __future__ import annotations

from typing import Any

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.times import precise
from durable_workflow.server.records import command_records
from durable_workflow.server.records.command_records import CommandRecord
from durable_workflow.server.requests import Caller
from durable_workflow.server.store.protocol import Tx

SOURCE = "control_plane"


def record(tx: Tx, caller: Caller, command: CommandRecord) -> None:
    """Store a command with who asked for it."""
    about = {"workflow_id": command.workflow_id}
    known = context(caller, command.name, about, command.metadata)
    command_records.insert(tx, caller.namespace, command, known)


def context(
    caller: Caller, command: str, about: JsonObject, metadata: JsonObject | None = None
) -> JsonObject:
    """Who asked, through which request, for what (control-plane 2.6).

    Args:
        about: What the command is about: names and ids.
        metadata: Its parameters that are no payloads.
    """
    bridged = caller.bridged
    server: JsonObject = {
        "namespace": caller.namespace,
        **about,
        "command": command if bridged is None else f"bridge.{bridged.action}",
    }
    metadata = metadata or {}
    if bridged is not None:
        metadata = metadata | {
            "adapter": bridged.adapter,
            "idempotency_key": bridged.idempotency_key,
        }
        if bridged.correlation is not None:
            metadata["correlation"] = bridged.correlation
    if metadata:
        server["metadata"] = metadata
    principal: JsonObject = {"subject": caller.subject, "roles": [caller.role]}
    if caller.full_access:
        principal["legacy_full_access"] = True
    return {
        "caller": {
            "type": caller.forwarded.caller_type or "server",
            "label": _label(caller),
        },
        "auth": {
            "status": _auth_status(caller),
            "method": _auth_method(caller),
            "role": caller.role,
            "roles": [caller.role],
            "principal": principal,
        },
        "request": _request(caller),
        "server": server,
    }


def snapshot(tx: Tx, caller: Caller, command: CommandRecord) -> JsonObject:
    """The command as the event that it caused shows it."""
    shown: dict[str, Any] = {
        "id": command.command_id,
        "sequence": command.sequence,
        "type": command.name,
        "target_scope": command.target_scope,
        # Commands reach no other run than the one that they name.
        "requested_run_id": command.run_id if command.target_scope == "run" else None,
        "resolved_run_id": command.run_id,
        "target_name": command.target_name,
        "source": SOURCE,
        "caller_label": _label(caller),
        "principal_id": caller.subject,
        "auth_status": _auth_status(caller),
        "auth_method": _auth_method(caller),
        "request_method": caller.method,
        "request_path": caller.path,
        "request_id": command.request_id or caller.request_id,
        "correlation_id": caller.correlation_id,
        "status": command.status,
        "outcome": command.outcome,
        "rejection_reason": command.rejection_reason,
    }
    if caller.body_sha256 is not None:
        shown["request_fingerprint"] = f"sha256:{caller.body_sha256}"
    shown["accepted_at" if command.status == "accepted" else "rejected_at"] = precise(tx.now)
    return {key: value for key, value in shown.items() if value is not None}


def _request(caller: Caller) -> JsonObject:
    request: JsonObject = {"method": caller.method, "path": caller.path}
    headers = {
        "x_request_id": caller.request_id,
        "x_correlation_id": caller.correlation_id,
    }
    for key, value in (
        ("ip", caller.ip),
        ("user_agent", caller.user_agent),
        ("request_id", caller.request_id),
        ("correlation_id", caller.correlation_id),
        ("fingerprint", f"sha256:{caller.body_sha256}" if caller.body_sha256 else None),
        ("headers", {name: sent for name, sent in headers.items() if sent is not None} or None),
    ):
        if value is not None:
            request[key] = value
    return request


def _label(caller: Caller) -> str:
    return caller.forwarded.caller_label or "Standalone Server"


def _auth_method(caller: Caller) -> str:
    return caller.forwarded.auth_method or caller.auth_method


def _auth_status(caller: Caller) -> str:
    if caller.forwarded.auth_status is not None:
        return caller.forwarded.auth_status
    return "not_configured" if caller.auth_method == "none" else "authorized"
