"""The base of all commands, and the completion that they are applied to."""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec
from msgspec.structs import replace

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import batches
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.payloads import blob_size
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.engine.state import RunDetails, Update
from durable_workflow.server.fields import Text

# Text for people. Its bound is that of payloads and not that of names: a worker would send a
# failure that is refused for its length again and again.
PROSE: Final = Text(longest=None, nulls=True)


class Command(msgspec.Struct):
    """A command, read and checked. Its annotations are the table of its fields.

    Attributes:
        word: Its type on the wire.
        terminal: It ends the run; it is applied after everything else.
        update_outcome: It is no step of the workflow, so it says nothing of where the code stands.
        reads_details: The run's cold half must be loaded for it.
        step: Kind and name of the blocking step it schedules; None where it does not block.
    """

    word: ClassVar[str]
    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = False
    reads_details: ClassVar[bool] = False

    @property
    def step(self) -> tuple[str, str] | None:
        return None

    def apply(self, turn: Turn) -> None:
        """Add what the command does to the decision of `turn`."""
        raise NotImplementedError


class Turn:
    """A completion that is being applied.

    Attributes:
        details: A copy of the run's cold half; loaded where a command needs it
            (`Parsed.needs_details`).
        updates: The accepted updates that the commands name.
        goes_on: Something has happened that lets the workflow continue at once.
    """

    __slots__ = (
        "_sequence",
        "decision",
        "details",
        "goes_on",
        "limits",
        "now",
        "task_id",
        "updates",
    )

    def __init__(
        self,
        decision: Decision,
        *,
        limits: Limits,
        details: RunDetails | None,
        updates: dict[str, Update],
    ) -> None:
        run = decision.run
        assert run.task_id is not None
        self.decision = decision
        self.limits = limits
        self.details = None if details is None else replace(details)
        self.updates = updates
        self.now = decision.now
        self.task_id = run.task_id
        self.goes_on = False
        self._sequence = 0

    def begin(self) -> None:
        """Number the commands from here: the next event's sequence is the first's number."""
        self._sequence = self.decision.run.last_sequence

    def next_sequence(self) -> int:
        """The workflow sequence of the next command."""
        self._sequence += 1
        return self._sequence

    def append(self, event_type: str, payload: JsonObject, command_id: str | None = None) -> None:
        """Append an event of this task."""
        self.decision.append(event_type, payload, task_id=self.task_id, command_id=command_id)

    def schedule(self, sequence: int, kind: str, name: str) -> None:
        """Count a blocking step into the batch."""
        batches.add(self.decision.run, sequence, f"{kind}:{name}")

    def check_payload(self, envelope: JsonObject | None) -> None:
        """Raise `LimitExceeded` where a payload is too large."""
        within("payload_size", blob_size(envelope), self.limits.payload_bytes)
