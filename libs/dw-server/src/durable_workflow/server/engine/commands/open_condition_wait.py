"""`open_condition_wait`: the workflow waits until a predicate over its state is true (WP-R6)."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from durable_workflow._wire.fingerprints import comparable
from durable_workflow.server.engine import waits
from durable_workflow.server.engine.commands.fields import LONGEST_ID, Errors, duration, text
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.engine.state import Run
from durable_workflow.server.engine.times import seconds


class OpenConditionWait(msgspec.Struct):
    """The command.

    Attributes:
        timeout: In microseconds; None for no timeout.
        says_wait_id: The worker knows which wait it means, and `wait_id` names it: the open one
            when it is still waiting, None when the wait is new.
    """

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = False

    key: str | None
    fingerprint: str | None
    timeout: int | None
    says_wait_id: bool = False
    wait_id: str | None = None

    @property
    def step(self) -> tuple[str, str] | None:
        return None

    def keeps(self, run: Run) -> bool:
        """Whether the worker says that it still waits in the open wait."""
        return self.says_wait_id and self.wait_id is not None and self.wait_id == run.wait_id

    def reopens(self, run: Run) -> bool:
        """Whether this looks like the open wait, to a server that must guess.

        Workers of two SDKs fingerprint one predicate by two schemes, or one of them not at all:
        then the key alone says.
        """
        if self.says_wait_id or run.wait_id is None or self.key != run.wait_key:
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
            timeout=self.timeout,
            task_id=turn.task_id,
        )
        if timed_out:
            turn.goes_on = True
            # As with every timeout: signals behind it wait until a worker has answered it.
            decision.run.holds = True


def read(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> OpenConditionWait:
    """Read the command from its wire form."""
    timeout = duration(raw, "timeout_seconds", at, errors)
    wait_id = raw.get("condition_wait_id")
    if wait_id is not None and not (isinstance(wait_id, str) and len(wait_id) <= LONGEST_ID):
        errors[f"{at}.condition_wait_id"] = [
            f"The {at}.condition_wait_id field must be null or a string of at most {LONGEST_ID} "
            "characters."
        ]
    return OpenConditionWait(
        text(raw, "condition_key", at, errors) or None,
        text(raw, "condition_definition_fingerprint", at, errors) or None,
        None if timeout is None else seconds(timeout),
        "condition_wait_id" in raw,
        wait_id,
    )
