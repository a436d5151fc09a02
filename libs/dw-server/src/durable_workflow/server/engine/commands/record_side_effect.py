"""`record_side_effect`: remember a value that only this run of the code knows."""

from __future__ import annotations

from typing import Annotated, ClassVar

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.engine.payloads import recorded_in
from durable_workflow.server.fields import Envelope


class RecordSideEffect(Command):
    """The command."""

    word: ClassVar[str] = names.RECORD_SIDE_EFFECT

    result: Annotated[JsonObject, Envelope()]

    def apply(self, turn: Turn) -> None:
        turn.check_payload(self.result)
        codec = turn.decision.run.codec
        turn.append(
            names.SIDE_EFFECT_RECORDED,
            {
                "sequence": turn.next_sequence(),
                "result": recorded_in(self.result, codec),
                "payload_codec": self.result["codec"],
            },
        )
