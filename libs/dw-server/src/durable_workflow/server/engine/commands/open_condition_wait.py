"""`open_condition_wait`: the workflow waits until a predicate over its state is true (WP-R6)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.fingerprints import comparable
from durable_workflow.server.engine import waits
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.engine.state import Run
from durable_workflow.server.engine.times import seconds
from durable_workflow.server.fields import LONGEST_ID, Duration, Kind, Reading, Text


class WaitId(Kind, frozen=True, kw_only=True):
    """The id of a wait, or null for one that is new."""

    gives = (str,)
    null_counts = True

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        if isinstance(value, str) and len(value) <= LONGEST_ID:
            return value
        reading.fail(at, f"must be null or a string of at most {LONGEST_ID} characters.")
        return None


class OpenConditionWait(Command, kw_only=True):
    """The command.

    Attributes:
        timeout_seconds: None for no timeout.
        wait_id: The wait that the worker means, where it knows: the open one when it is still
            waiting, None when the wait is new.
    """

    word: ClassVar[str] = names.OPEN_CONDITION_WAIT

    key: Annotated[str | None, Text(name="condition_key")] = None
    fingerprint: Annotated[str | None, Text(name="condition_definition_fingerprint")] = None
    timeout_seconds: Annotated[float | None, Duration()] = None
    wait_id: Annotated[str | msgspec.UnsetType | None, WaitId(name="condition_wait_id")] = (
        msgspec.UNSET
    )

    def keeps(self, run: Run) -> bool:
        """Whether the worker says that it still waits at the open wait."""
        return isinstance(self.wait_id, str) and self.wait_id == run.wait_id

    def reopens(self, run: Run) -> bool:
        """Whether this looks like the open wait, to a server that must guess.

        Workers of two SDKs fingerprint one predicate by two schemes, or one of them not at all:
        then the key alone says.
        """
        if self.wait_id is not msgspec.UNSET or run.wait_id is None or self.key != run.wait_key:
            return False
        if comparable(self.fingerprint, run.wait_fingerprint):
            return self.fingerprint == run.wait_fingerprint
        return True

    def apply(self, turn: Turn) -> None:
        decision = turn.decision
        if self.keeps(decision.run):
            return
        if waits.is_open(decision.run):
            waits.supersede(decision, task_id=turn.task_id)
        timed_out = waits.open_wait(
            decision,
            turn.next_sequence(),
            key=self.key,
            fingerprint=self.fingerprint,
            timeout=None if self.timeout_seconds is None else seconds(self.timeout_seconds),
            task_id=turn.task_id,
        )
        if timed_out:
            turn.goes_on = True
            # As with every timeout: signals behind it wait until a worker has answered it.
            decision.run.holds = True
