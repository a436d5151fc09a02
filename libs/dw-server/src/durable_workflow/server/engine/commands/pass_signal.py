"""`pass_signal` (extension `passed_signals`): a signal was not applied.

It has no handler, or its arguments do not fit that, and every replay by the same code skips it. The
event in history is for people who debug the run. Replay reads it only to avoid reporting the signal
again.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.fields import LONGEST_SECONDS, Text, Whole


class PassSignal(Command, kw_only=True):
    """The command. It is no step of the workflow, as the outcome of an update is none.

    Attributes:
        signal_sequence: Sequence of the `SignalReceived` event; None where it has none.
    """

    word: ClassVar[str] = names.PASS_SIGNAL
    update_outcome: ClassVar[bool] = True

    signal_name: Annotated[str, Text(longest=None, nulls=True)] = ""
    signal_sequence: Annotated[int | None, Whole(least=1, most=LONGEST_SECONDS)] = None
    message: Annotated[str, Text(longest=None, nulls=True, trim=False, blank=True)]

    def apply(self, turn: Turn) -> None:
        turn.append(
            names.SIGNAL_NOT_APPLIED,
            {
                "signal_name": self.signal_name,
                "signal_sequence": self.signal_sequence,
                "message": self.message,
            },
        )
