"""Signals and updates of a run, as its history tells them."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject, dict_or_none
from durable_workflow.server.engine.payloads import recorded_in
from durable_workflow.server.exporting.lists import Lists
from durable_workflow.server.exporting.payloads import note
from durable_workflow.server.records.command_records import CommandRecord


class MessageReader:
    """Gathers what events say of signals and updates."""

    def __init__(self, lists: Lists, codec: str) -> None:
        self._lists = lists
        self._codec = codec
        self._signals: dict[int, JsonObject] = {}
        self._updates: dict[str, JsonObject] = {}

    def read(self, event: JsonObject) -> None:
        """Read one event; those about other things are skipped."""
        word = event["type"]
        if word == names.SIGNAL_RECEIVED:
            self._receive_signal(event)
        elif word == names.SIGNAL_NOT_APPLIED:
            self._pass_signal(event)
        elif word == names.UPDATE_ACCEPTED:
            self._accept_update(event)
        elif word == names.UPDATE_APPLIED:
            self._note_update(event, applied_at=event["recorded_at"])
        elif word == names.UPDATE_COMPLETED:
            self._complete_update(event)

    def finish(self, *, closed_at: str | None, moved: bool) -> None:
        """The history is at its end.

        Args:
            closed_at: When the run ended; None while it is open.
            moved: Whether updates without an outcome went on with the next run.
        """
        for signal in self._signals.values():
            self._add_signal(signal)
        for update in self._updates.values():
            if closed_at is not None and not moved:
                update |= {"status": "failed", "outcome": "update_failed", "closed_at": closed_at}
            self._add_update(update)
        self._signals.clear()
        self._updates.clear()

    def refuse(self, command: CommandRecord, payload: Any, codec: str, at: str) -> None:
        """List a signal or an update that was refused, which leaves no event."""
        message = _message(command.command_id, command.sequence, command.target_name or "")
        message |= {
            "id": command.command_id,
            "status": "rejected",
            "outcome": command.outcome,
            "rejection_reason": command.rejection_reason,
            "rejected_at": at,
            "closed_at": at,
            "payload_codec": codec,
            "arguments": payload,
        }
        if command.name == "signal":
            message |= _signal_members(command.target_scope, command.run_id, None)
            message["received_at"] = at
            self._add_signal(message)
        else:
            message |= {"failure_id": None, "result": None, "accepted_at": None}
            self._add_update(message)

    # --- signals -----------------------------------------------------------------------------

    def _receive_signal(self, event: JsonObject) -> None:
        payload = event["payload"]
        command: JsonObject = payload.get("command") or {}
        signal = _message(
            payload.get("workflow_command_id"),
            command.get("sequence"),
            payload.get("signal_name", ""),
        )
        arguments, codec = payload.get("arguments"), payload.get("payload_codec") or self._codec
        signal |= {
            "id": payload.get("signal_id"),
            "status": "received",
            "outcome": "signal_received",
            "received_at": event["recorded_at"],
            "payload_codec": codec,
            "arguments": _bare(arguments, codec),
        }
        signal |= _signal_members(
            command.get("target_scope", "instance"),
            payload.get("workflow_run_id"),
            payload.get("signal_wait_id"),
        )
        self._keep(payload.get("workflow_command_id"), signal)
        self._signals[event["sequence"]] = signal

    def _pass_signal(self, event: JsonObject) -> None:
        payload = event["payload"]
        signal = self._signals.pop(payload.get("signal_sequence"), None)
        if signal is not None:
            signal |= {
                "status": "rejected",
                "outcome": "rejected_invalid_arguments",
                "rejection_reason": "invalid_signal_arguments",
                "validation_errors": {"arguments": [str(payload.get("message"))]},
                "rejected_at": event["recorded_at"],
                "closed_at": event["recorded_at"],
            }
            self._add_signal(signal)

    def _add_signal(self, signal: JsonObject) -> None:
        described = note(signal["arguments"], signal["payload_codec"], expected=False)
        self._lists.signals.add(signal, described, key=signal["command_sequence"] or 0)

    # --- updates -----------------------------------------------------------------------------

    def _accept_update(self, event: JsonObject) -> None:
        payload = event["payload"]
        command: JsonObject = payload.get("command") or {}
        update = _message(
            payload.get("workflow_command_id"), command.get("sequence"), payload["update_name"]
        )
        codec = payload.get("payload_codec") or self._codec
        update |= {
            "id": payload["update_id"],
            "status": "accepted",
            "outcome": "update_accepted",
            "failure_id": None,
            "accepted_at": event["recorded_at"],
            "payload_codec": codec,
            "arguments": payload.get("arguments"),
            "result": None,
        }
        self._keep(payload.get("workflow_command_id"), update)
        self._updates[payload["update_id"]] = update

    def _note_update(self, event: JsonObject, **known: Any) -> None:
        payload = event["payload"]
        update = self._updates.get(payload["update_id"])
        if update is not None:
            update |= {"workflow_sequence": payload.get("sequence"), **known}

    def _complete_update(self, event: JsonObject) -> None:
        payload, at = event["payload"], event["recorded_at"]
        self._note_update(event, closed_at=at)
        update = self._updates.pop(payload["update_id"], None)
        if update is None:
            return
        failure_id = payload.get("failure_id")
        update["failure_id"] = failure_id
        update["status"] = "completed" if failure_id is None else "failed"
        update["outcome"] = f"update_{update['status']}"
        # In the codec of the run; where it has another one it is an envelope.
        update["result"] = payload.get("result")
        self._add_update(update)

    def _add_update(self, update: JsonObject) -> None:
        codec = update["payload_codec"]
        answered = update["status"] == "completed"
        self._lists.updates.add(
            update,
            note(update["arguments"], codec, expected=False),
            note(update["result"], self._codec, expected=answered),
            key=update["command_sequence"] or 0,
        )

    def _keep(self, command_id: str | None, message: JsonObject) -> None:
        if command_id is not None:
            told = [message["payload_codec"], message["arguments"]]
            self._lists.told.put(command_id, msgspec.json.encode(told))


def _message(command_id: str | None, sequence: int | None, name: str) -> JsonObject:
    return {
        "command_id": command_id,
        "command_sequence": sequence,
        "workflow_sequence": None,
        "name": name,
        "rejection_reason": None,
        "validation_errors": {},
        "applied_at": None,
        "rejected_at": None,
        "closed_at": None,
    }


def _signal_members(scope: str, run_id: str | None, wait_id: str | None) -> JsonObject:
    return {
        "signal_wait_id": wait_id,
        "target_scope": scope,
        "requested_run_id": run_id if scope == "run" else None,
        "resolved_run_id": run_id,
    }


def _bare(payload: Any, codec: str) -> Any:
    """A payload as a bundle has it: the blob alone where its codec stands beside it."""
    envelope = dict_or_none(payload)
    if envelope is not None and envelope.keys() == {"codec", "blob"}:
        return recorded_in(envelope, codec)
    return payload
