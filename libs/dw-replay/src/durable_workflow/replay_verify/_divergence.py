"""Where code and history part, told so that a person can act on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from durable_workflow._kernel import Machine
from durable_workflow._kernel.places import Standing
from durable_workflow._kernel.steps import WaitStep
from durable_workflow._wire.events import Event
from durable_workflow.errors import NonDeterministicReplayError
from durable_workflow.replay_verify._causes import Cause, likely_cause, went_on
from durable_workflow.replay_verify._descriptions import (
    describe_command,
    describe_step,
    events_of,
    shape_of,
)
from durable_workflow.replay_verify._source import SourceLine, own_place, source_lines
from durable_workflow.workflow import FailWorkflow


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where code and history part.

    Attributes:
        workflow_sequence: The place, counted in workflow sequences; None where history ends.
        expected_shape: What the code asked for, as errors of replay spell it.
        recorded_event_types: Types of the events that history has there.
        message: The error of the replay.
        step: Which step of the run it is, from 1.
        recorded: What history has there, in words.
        recorded_events: Sequence, type and time of those events.
        asked: What the code asked for, in words.
        source: The line of the author's own code that asked.
        stack: All frames that stood there, the outermost first.
        cause: The likely cause and its cure.
    """

    workflow_sequence: int | None
    expected_shape: str
    recorded_event_types: list[str]
    message: str
    step: int
    recorded: str
    recorded_events: list[dict[str, Any]]
    asked: str
    source: SourceLine | None
    stack: list[SourceLine] = field(default_factory=list[SourceLine])
    cause: Cause | None = None

    def to_dict(self) -> dict[str, Any]:
        """The block `divergence` of a report."""
        return {
            "workflow_sequence": self.workflow_sequence,
            "expected_shape": self.expected_shape,
            "recorded_event_types": self.recorded_event_types,
            "message": self.message,
            "step": self.step,
            "recorded": self.recorded,
            "recorded_events": self.recorded_events,
            "asked": self.asked,
            "source": self.source.to_dict() if self.source else None,
            "stack": [line.to_dict() for line in self.stack],
            "cause": self.cause.code if self.cause else None,
            "explanation": self.cause.explanation if self.cause else None,
            "cure": self.cause.cure if self.cause else None,
        }

    def because(self, cause: Cause) -> "Divergence":
        """The same, with another likely cause."""
        return replace(self, cause=cause)


def explain(
    error: NonDeterministicReplayError,
    machine: Machine,
    workflow_cls: type,
    events: Sequence[Mapping[str, Any]],
) -> Divergence:
    """Explain an error of replay by the machine that raised it."""
    standing = machine.standing
    return _divergence(
        standing,
        workflow_cls,
        events,
        workflow_sequence=error.workflow_sequence,
        expected_shape=error.expected_shape,
        recorded_event_types=error.recorded_event_types,
        message=str(error),
        cause=likely_cause(standing.asked, standing.untaken),
    )


def explain_failure(
    failure: FailWorkflow,
    machine: Machine,
    workflow_cls: type,
    events: Sequence[Mapping[str, Any]],
    cause: Cause | None = None,
) -> Divergence:
    """Explain a run that fails where the recorded one went on.

    Args:
        failure: How the replay ended.
        machine: What replayed it.
        workflow_cls: The workflow.
        events: The recorded events.
        cause: The likely cause; None finds it from where the replay stands.
    """
    standing = machine.standing
    step = standing.untaken[0] if standing.untaken else None
    of_wait = cause is None and isinstance(step, WaitStep)
    if not of_wait:
        standing = replace(standing, asked=failure)
    return _divergence(
        standing,
        workflow_cls,
        events,
        workflow_sequence=step.number if step is not None else None,
        expected_shape=shape_of(standing.asked),
        recorded_event_types=list(step.event_types) if step is not None else [],
        message=f"{failure.exception_type}: {failure.message}",
        cause=cause or likely_cause(failure, standing.untaken),
    )


def explain_end(
    end: str, event: Event, machine: Machine, workflow_cls: type, message: str
) -> Divergence:
    """Explain code that goes on where the recorded run ended.

    Args:
        end: How it ended, as in "the run completed".
        event: The event that says so.
        machine: What replayed it.
        workflow_cls: The workflow.
        message: A sentence about it.
    """
    standing = machine.standing
    ended = {"sequence": event.sequence, "event_type": event.event_type, "recorded_at": event.time}
    divergence = _divergence(
        standing,
        workflow_cls,
        [],
        workflow_sequence=None,
        expected_shape=shape_of(standing.asked),
        recorded_event_types=[event.event_type],
        message=message,
        cause=went_on(standing.asked, end),
    )
    return replace(divergence, recorded=f"the end: the run {end}", recorded_events=[ended])


def _divergence(
    standing: Standing,
    workflow_cls: type,
    events: Sequence[Mapping[str, Any]],
    *,
    workflow_sequence: int | None,
    expected_shape: str,
    recorded_event_types: list[str],
    message: str,
    cause: Cause,
) -> Divergence:
    step = standing.untaken[0] if standing.untaken else None
    place = own_place(standing.places, workflow_cls)
    return Divergence(
        workflow_sequence=workflow_sequence,
        expected_shape=expected_shape,
        recorded_event_types=recorded_event_types,
        message=message,
        step=standing.passed + 1,
        recorded=describe_step(step) if step is not None else "nothing more",
        recorded_events=events_of(step, events) if step is not None else [],
        asked=describe_command(standing.asked),
        source=source_lines([place])[0] if place is not None else None,
        stack=source_lines(standing.places),
        cause=cause,
    )
