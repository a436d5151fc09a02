"""`complete_workflow` and `fail_workflow`: the workflow returned, or raised."""

from __future__ import annotations

from typing import Annotated, ClassVar

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import closing
from durable_workflow.server.engine.commands.turn import PROSE, Command, Turn
from durable_workflow.server.engine.payloads import recorded
from durable_workflow.server.fields import Envelope, Flag

_TIMEOUT_WORDS = ("timed out", "timeout exceeded", "execution deadline", "run deadline")


class CompleteWorkflow(Command):
    """The workflow returned."""

    word: ClassVar[str] = names.COMPLETE_WORKFLOW
    terminal: ClassVar[bool] = True

    result: Annotated[JsonObject | None, Envelope()] = None

    def apply(self, turn: Turn) -> None:
        turn.check_payload(self.result)
        run = turn.decision.run
        codec = run.codec if self.result is None else self.result["codec"]
        closing.complete_run(turn.decision, self.result, recorded(self.result), codec, turn.task_id)


class FailWorkflow(Command, kw_only=True):
    """The workflow raised."""

    word: ClassVar[str] = names.FAIL_WORKFLOW
    terminal: ClassVar[bool] = True

    message: Annotated[str, PROSE]
    exception_type: Annotated[str | None, PROSE] = None
    exception_class: Annotated[str | None, PROSE] = None
    non_retryable: Annotated[bool, Flag()] = False
    # Where the code raised; workers of the specification don't send it.
    stack_trace: Annotated[str | None, PROSE] = None

    def apply(self, turn: Turn) -> None:
        failure: JsonObject = {
            "failure_category": _category(self.message),
            "non_retryable": self.non_retryable,
            "exception_type": self.exception_type,
            "exception_class": self.exception_class or self.exception_type,
            "message": self.message,
        }
        if self.stack_trace is not None:
            failure["stack_trace"] = self.stack_trace
        closing.fail_run(turn.decision, failure, {}, task_id=turn.task_id)


def _category(message: str) -> str:
    if message.startswith("Structural limit exceeded:"):
        return "structural_limit"
    lowered = message.lower()
    return "timeout" if any(word in lowered for word in _TIMEOUT_WORDS) else "application"
