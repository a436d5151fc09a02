"""`complete_update` and `fail_update`: how an accepted update ended."""

from __future__ import annotations

import re
from copy import copy
from typing import Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.fields import LONGEST_ID, Errors, flag, text
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.engine.payloads import read_envelope, recorded, recorded_in
from durable_workflow.server.engine.state import COMPLETED, FAILED, JsonObject, Update

# How workers of the reference say that it was the validator that refused.
_VALIDATOR_RAISED = "update validator failed:"
_VALIDATOR_SAID_NO = re.compile(r"update validator '.*' returned false\Z", re.DOTALL)


class CompleteUpdate(msgspec.Struct):
    """The handler returned."""

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = True

    update_id: str
    result: JsonObject | None

    @property
    def step(self) -> tuple[str, str] | None:
        return None

    def apply(self, turn: Turn) -> None:
        turn.check_payload(self.result)
        update = copy(turn.updates[self.update_id])
        run = turn.decision.run
        sequence = turn.next_sequence()
        common = fields_of(update)
        applied: JsonObject = common | {"sequence": sequence}
        if update.arguments is not None:
            applied["arguments"] = recorded(update.arguments)
            applied["payload_codec"] = update.arguments["codec"]
        turn.append(names.UPDATE_APPLIED, applied, update.command_id)
        completed = common | {"sequence": sequence}
        completed["result"] = recorded_in(self.result, run.codec)
        turn.append(names.UPDATE_COMPLETED, completed, update.command_id)
        update.status, update.workflow_sequence = COMPLETED, sequence
        update.applied_at = update.closed_at = turn.now
        update.result = self.result
        turn.decision.updates.append(update)
        run.pending_updates -= 1


class FailUpdate(msgspec.Struct):
    """The validator or the handler refused. No `UpdateApplied`: replayed state must not change."""

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = True

    update_id: str
    message: str
    exception_type: str | None
    exception_class: str | None
    non_retryable: bool
    rejected: bool

    @property
    def step(self) -> tuple[str, str] | None:
        return None

    def apply(self, turn: Turn) -> None:
        update = copy(turn.updates[self.update_id])
        sequence = turn.next_sequence()
        failure_id = turn.decision.new_id()
        turn.append(
            names.UPDATE_COMPLETED,
            fields_of(update)
            | {
                "sequence": sequence,
                "failure_id": failure_id,
                "failure_category": "application",
                "non_retryable": self.non_retryable,
                "exception_type": self.exception_type,
                "exception_class": self.exception_class or self.exception_type,
                "message": self.message,
                "code": 0,
                "exception": {
                    "class": self.exception_class or self.exception_type,
                    "type": self.exception_type,
                    "message": self.message,
                    "code": 0,
                },
            },
            update.command_id,
        )
        update.workflow_sequence = sequence
        update.status = "rejected" if self.rejected else FAILED
        update.closed_at = turn.now
        if self.rejected:
            update.rejected_at = turn.now
        else:
            update.applied_at = turn.now
        update.failure_id, update.failure_message = failure_id, self.message
        turn.decision.updates.append(update)
        turn.decision.run.pending_updates -= 1


def fields_of(update: Update) -> JsonObject:
    """What every event about an update says."""
    return {
        "workflow_command_id": update.command_id,
        "update_id": update.update_id,
        "workflow_instance_id": update.workflow_id,
        "workflow_run_id": update.run_id,
        "update_name": update.update_name,
    }


def read_complete(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> CompleteUpdate:
    """Read `complete_update` from its wire form."""
    update_id = text(raw, "update_id", at, errors, required=True, longest=LONGEST_ID)
    return CompleteUpdate(
        update_id, read_envelope(raw.get("result"), codec, f"{at}.result", errors)
    )


def read_fail(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> FailUpdate:
    """Read `fail_update` from its wire form."""
    message = text(raw, "message", at, errors, required=True, longest=None)
    said = flag(raw, "rejected", at, errors)
    return FailUpdate(
        text(raw, "update_id", at, errors, required=True, longest=LONGEST_ID),
        message,
        text(raw, "exception_type", at, errors, longest=None) or None,
        text(raw, "exception_class", at, errors, longest=None) or None,
        flag(raw, "non_retryable", at, errors),
        said
        or message.startswith(_VALIDATOR_RAISED)
        or _VALIDATOR_SAID_NO.match(message) is not None,
    )
