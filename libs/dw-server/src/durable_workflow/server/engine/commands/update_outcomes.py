"""`complete_update` and `fail_update`: how an accepted update ended."""

from __future__ import annotations

import re
from copy import copy
from typing import Annotated, ClassVar

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.commands.turn import PROSE, Command, Turn
from durable_workflow.server.engine.payloads import recorded, recorded_in
from durable_workflow.server.engine.state import COMPLETED, FAILED, Update
from durable_workflow.server.fields import LONGEST_ID, Envelope, Flag, Text

# Workers of the reference SDK have no field for a refusal by the validator: only their text tells.
_VALIDATOR_RAISED = "update validator failed:"
_VALIDATOR_SAID_NO = re.compile(r"update validator '.*' returned false\Z", re.DOTALL)


class CompleteUpdate(Command, kw_only=True):
    """The handler returned."""

    word: ClassVar[str] = names.COMPLETE_UPDATE
    update_outcome: ClassVar[bool] = True

    update_id: Annotated[str, Text(longest=LONGEST_ID)]
    result: Annotated[JsonObject | None, Envelope()] = None

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


class FailUpdate(Command, kw_only=True):
    """The validator or the handler refused. No `UpdateApplied`: replayed state must not change."""

    word: ClassVar[str] = names.FAIL_UPDATE
    update_outcome: ClassVar[bool] = True

    update_id: Annotated[str, Text(longest=LONGEST_ID)]
    message: Annotated[str, PROSE]
    exception_type: Annotated[str | None, PROSE] = None
    exception_class: Annotated[str | None, PROSE] = None
    non_retryable: Annotated[bool, Flag()] = False
    rejected: Annotated[bool, Flag()] = False

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
        rejected = self._refused_by_validator()
        update.status = "rejected" if rejected else FAILED
        update.closed_at = turn.now
        if rejected:
            update.rejected_at = turn.now
        else:
            update.applied_at = turn.now
        update.failure_id, update.failure_message = failure_id, self.message
        turn.decision.updates.append(update)
        turn.decision.run.pending_updates -= 1

    def _refused_by_validator(self) -> bool:
        return (
            self.rejected
            or self.message.startswith(_VALIDATOR_RAISED)
            or _VALIDATOR_SAID_NO.match(self.message) is not None
        )


def fields_of(update: Update) -> JsonObject:
    """What every event about an update says."""
    return {
        "workflow_command_id": update.command_id,
        "update_id": update.update_id,
        "workflow_instance_id": update.workflow_id,
        "workflow_run_id": update.run_id,
        "update_name": update.update_name,
    }
