"""`record_side_effect`: remember a value that only this run of the code knows."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.engine.payloads import recorded_in
from durable_workflow.server.engine.state import JsonObject
from durable_workflow.server.fields import Envelope


class RecordSideEffect(msgspec.Struct):
    """The command."""

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = False

    result: Annotated[JsonObject, Envelope()]

    @property
    def step(self) -> tuple[str, str] | None:
        return None

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
