"""`pass_signal` (extension `passed_signals`): a signal was not applied, its arguments do not fit.

The worker passes such a signal by, in every replay alike. History says so for those who debug the
run; replay reads it only in order not to report it again.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.fields import Errors, integer, text
from durable_workflow.server.engine.commands.turn import Turn


class PassSignal(msgspec.Struct):
    """The command. It says nothing of where the workflow stands, like the outcome of an update.

    Attributes:
        signal_sequence: Sequence of the `SignalReceived` event; None where it has none.
    """

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = True

    signal_name: str
    signal_sequence: int | None
    message: str

    @property
    def step(self) -> tuple[str, str] | None:
        return None

    def apply(self, turn: Turn) -> None:
        turn.append(
            names.SIGNAL_NOT_APPLIED,
            {
                "signal_name": self.signal_name,
                "signal_sequence": self.signal_sequence,
                "message": self.message,
            },
        )


def read(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> PassSignal:
    """Read the command from its wire form."""
    message = raw.get("message")
    if not isinstance(message, str):
        errors[f"{at}.message"] = [f"The {at}.message field must be a string."]
        message = ""
    return PassSignal(
        text(raw, "signal_name", at, errors, longest=None),
        integer(raw, "signal_sequence", at, errors, minimum=1),
        message,
    )
