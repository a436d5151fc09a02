"""What the end of a replay says, held against the end of the recorded run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from durable_workflow import serializer
from durable_workflow._wire import names
from durable_workflow._wire.events import Event, text
from durable_workflow.replay_verify import (
    REASON_EXPECTATION_MISMATCH,
    REASON_NONE,
    REASON_REPLAY_ERROR,
    REASON_SHAPE_MISMATCH,
    VERDICT_DRIFTED,
    VERDICT_FAILED,
    VERDICT_OK,
    VERDICT_WARNING,
)
from durable_workflow.replay_verify._descriptions import describe_command
from durable_workflow.replay_verify._replays import Replay
from durable_workflow.workflow import (
    Command,
    CompleteWorkflow,
    ContinueAsNew,
    FailWorkflow,
)

# Ends that the code of the run brought about; the others come from outside and say nothing of it.
_BY_CODE: Final = names.events_with(names.Trait.OF_CODE)
_WORDS: Final = {
    names.WORKFLOW_COMPLETED: "completed",
    names.WORKFLOW_CONTINUED_AS_NEW: "continued as new",
    names.WORKFLOW_FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be thought of one run.

    Attributes:
        verdict: `ok`, `warning`, `drifted` or `failed`.
        reason: As in reports of cases.
        message: A sentence; empty where all is well.
    """

    verdict: str
    reason: str
    message: str = ""


OK: Final = Judgement(VERDICT_OK, REASON_NONE)


def judge(replay: Replay, codec: str | None) -> Judgement:
    """Judge a replay.

    Args:
        replay: How it ended.
        codec: The run's codec, for payloads that name none.
    """
    mismatch = replay.mismatch
    if mismatch is not None:
        message = _said(mismatch) if isinstance(mismatch, FailWorkflow) else str(mismatch)
        return Judgement(VERDICT_DRIFTED, REASON_SHAPE_MISMATCH, message)
    if replay.error is not None:
        message = f"{type(replay.error).__name__}: {replay.error}"
        return Judgement(VERDICT_FAILED, REASON_REPLAY_ERROR, message)
    ended = _ending_of(replay.commands)
    closing = replay.machine.closing if replay.machine is not None else None
    closed = closing.event_type if closing is not None else None
    if isinstance(ended, FailWorkflow):
        return _judge_failure(replay, ended, closed)
    if closing is None or closed not in _BY_CODE:
        return OK
    wanted = {
        names.WORKFLOW_COMPLETED: CompleteWorkflow,
        names.WORKFLOW_CONTINUED_AS_NEW: ContinueAsNew,
    }.get(closed)
    if wanted is None:
        return _differs(VERDICT_WARNING, closed, replay.commands)
    if not isinstance(ended, wanted):
        return _differs(VERDICT_DRIFTED, closed, replay.commands)
    if isinstance(ended, CompleteWorkflow):
        return _judge_result(ended.result, closing.payload, codec)
    return OK


def how_ended(closing: Event) -> str:
    """How a run ended, as in "the run completed"."""
    return _WORDS.get(closing.event_type, "was closed")


def _ending_of(commands: list[Command]) -> Command | None:
    last = commands[-1] if commands else None
    return last if isinstance(last, CompleteWorkflow | ContinueAsNew | FailWorkflow) else None


def _judge_failure(replay: Replay, failure: FailWorkflow, closed: str | None) -> Judgement:
    if closed == names.WORKFLOW_FAILED:
        return OK
    said = _said(failure)
    if closed in _BY_CODE:
        message = f"the run {_WORDS[closed]}, and this code fails it: {said}"
    elif replay.went_on:
        message = f"the run went on, and this code fails it: {said}"
    else:
        message = f"this code would fail the run with its next task: {said}"
        return Judgement(VERDICT_WARNING, REASON_EXPECTATION_MISMATCH, message)
    return Judgement(VERDICT_DRIFTED, REASON_SHAPE_MISMATCH, message)


def _said(failure: FailWorkflow) -> str:
    return f"{failure.exception_type}: {failure.message}"


def _differs(verdict: str, closed: str, commands: list[Command]) -> Judgement:
    asked = describe_command(commands[-1]) if commands else "nothing"
    message = f"the run {_WORDS[closed]} here, and this code asks for {asked}"
    return Judgement(verdict, REASON_EXPECTATION_MISMATCH, message)


def _judge_result(result: Any, payload: Mapping[str, Any], codec: str | None) -> Judgement:
    key = "output" if "output" in payload else "result"
    if key not in payload:
        return OK
    try:
        recorded = serializer.decode_envelope(
            payload[key], text(payload, "payload_codec") or codec or serializer.JSON_CODEC
        )
        now = serializer.decode(
            serializer.encode(result, serializer.JSON_CODEC, size_warning=None),
            serializer.JSON_CODEC,
        )
    except (TypeError, ValueError) as error:
        message = f"the recorded result and that of this code cannot be compared: {error}"
        return Judgement(VERDICT_WARNING, REASON_EXPECTATION_MISMATCH, message)
    if recorded == now:
        return OK
    message = f"the run returned {_short(recorded)}, and this code returns {_short(now)}"
    return Judgement(VERDICT_WARNING, REASON_EXPECTATION_MISMATCH, message)


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"
