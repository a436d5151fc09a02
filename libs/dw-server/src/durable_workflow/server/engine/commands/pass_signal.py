"""`pass_signal` (extension `passed_signals`): a signal was not applied, its arguments do not fit.

The worker passes such a signal by, in every replay alike. History says so for those who debug the
run; replay reads it only in order not to report it again.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.fields import LONGEST_SECONDS, Text, Whole


class PassSignal(msgspec.Struct, kw_only=True):
    """The command. It says nothing of where the workflow stands, like the outcome of an update.

    Attributes:
        signal_sequence: Sequence of the `SignalReceived` event; None where it has none.
    """

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = True

    signal_name: Annotated[str, Text(longest=None, nulls=True)] = ""
    signal_sequence: Annotated[int | None, Whole(least=1, most=LONGEST_SECONDS)] = None
    message: Annotated[str, Text(longest=None, nulls=True, trim=False, blank=True)]

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
