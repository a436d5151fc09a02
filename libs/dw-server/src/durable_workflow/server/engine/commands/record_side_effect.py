"""`record_side_effect`: remember a value that only this run of the code knows."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.fields import Errors
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.engine.payloads import read_envelope, recorded_in
from durable_workflow.server.engine.state import JsonObject


class RecordSideEffect(msgspec.Struct):
    """The command."""

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = False

    result: JsonObject

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


def read(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> RecordSideEffect:
    """Read the command from its wire form."""
    result = read_envelope(raw.get("result"), codec, f"{at}.result", errors)
    if result is None and f"{at}.result" not in errors:
        errors[f"{at}.result"] = [f"The {at}.result field is required."]
    return RecordSideEffect(result or {"codec": codec, "blob": ""})
