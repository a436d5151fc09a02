"""What a command is, and what it works on while a completion is applied."""

from __future__ import annotations

from copy import copy
from typing import ClassVar, Final, Protocol

from durable_workflow.server.engine import batches
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.payloads import blob_size
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.engine.state import JsonObject, RunDetails, Update
from durable_workflow.server.fields import Text

# What people read. It is bounded as payloads are and not as names are: a failure that is refused
# for the length of its text would be sent again for ever.
PROSE: Final = Text(longest=None, nulls=True)


class Command(Protocol):
    """A command, read and checked.

    Attributes:
        terminal: It ends the run; it is applied after everything else.
        step: Kind and name of the blocking step it schedules; None where it does not block.
    """

    terminal: ClassVar[bool]
    update_outcome: ClassVar[bool]

    @property
    def step(self) -> tuple[str, str] | None: ...

    def apply(self, turn: Turn) -> None:
        """Add what the command does to the decision of `turn`."""
        ...


class Turn:
    """A completion while it is applied.

    Attributes:
        details: A copy of the run's cold half; loaded where a command needs it
            (`Parsed.needs_details`).
        updates: The accepted updates that the commands name.
        goes_on: Something has happened that the workflow can go on with at once.
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
        self.details = copy(details)
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
