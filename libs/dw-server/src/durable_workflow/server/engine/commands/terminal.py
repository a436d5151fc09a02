"""`complete_workflow` and `fail_workflow`: the workflow returned, or raised."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from durable_workflow.server.engine import closing
from durable_workflow.server.engine.commands.fields import Errors, flag, text
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.engine.payloads import read_envelope, recorded
from durable_workflow.server.engine.state import JsonObject

_TIMEOUT_WORDS = ("timed out", "timeout exceeded", "execution deadline", "run deadline")


class CompleteWorkflow(msgspec.Struct):
    """The workflow returned."""

    terminal: ClassVar[bool] = True
    update_outcome: ClassVar[bool] = False

    result: JsonObject | None

    @property
    def step(self) -> tuple[str, str] | None:
        return None

    def apply(self, turn: Turn) -> None:
        turn.check_payload(self.result)
        run = turn.decision.run
        codec = run.codec if self.result is None else self.result["codec"]
        closing.complete_run(turn.decision, self.result, recorded(self.result), codec, turn.task_id)


class FailWorkflow(msgspec.Struct):
    """The workflow raised."""

    terminal: ClassVar[bool] = True
    update_outcome: ClassVar[bool] = False

    message: str
    exception_type: str | None
    exception_class: str | None
    non_retryable: bool

    @property
    def step(self) -> tuple[str, str] | None:
        return None

    def apply(self, turn: Turn) -> None:
        failure = {
            "failure_category": _category(self.message),
            "non_retryable": self.non_retryable,
            "exception_type": self.exception_type,
            "exception_class": self.exception_class or self.exception_type,
            "message": self.message,
        }
        closing.fail_run(turn.decision, failure, {}, task_id=turn.task_id)


def _category(message: str) -> str:
    if message.startswith("Structural limit exceeded:"):
        return "structural_limit"
    lowered = message.lower()
    return "timeout" if any(word in lowered for word in _TIMEOUT_WORDS) else "application"


def read_complete(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> CompleteWorkflow:
    """Read `complete_workflow` from its wire form."""
    return CompleteWorkflow(read_envelope(raw.get("result"), codec, f"{at}.result", errors))


def read_fail(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> FailWorkflow:
    """Read `fail_workflow` from its wire form."""
    return FailWorkflow(
        text(raw, "message", at, errors, required=True, longest=None),
        text(raw, "exception_type", at, errors, longest=None) or None,
        text(raw, "exception_class", at, errors, longest=None) or None,
        flag(raw, "non_retryable", at, errors),
    )
