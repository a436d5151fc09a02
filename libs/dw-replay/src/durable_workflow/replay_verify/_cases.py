"""One case: a history, the code of now, and what came of replaying the one with the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from durable_workflow._replayer import Recording, read_recording, type_name
from durable_workflow.errors import (
    ChildWorkflowFailed,
    NonDeterministicReplayError,
    WorkflowFailed,
)
from durable_workflow.replay_verify._divergence import Divergence, explain, explain_failure
from durable_workflow.replay_verify._expectations import difference, observed
from durable_workflow.replay_verify._replays import (
    Replay,
    error_block,
    replay_events,
    start_of,
)
from durable_workflow.replay_verify._verdicts import (
    REASON_BUNDLE_INVALID,
    REASON_EXPECTATION_MISMATCH,
    REASON_NONE,
    REASON_REPLAY_ERROR,
    REASON_SHAPE_MISMATCH,
    STATUS_DRIFTED,
    STATUS_FAILED,
    STATUS_REPLAYED,
    promotion_decision_for,
    verdict_for_status,
)

# Errors that changed code raises when it meets an old history, rather than a broken verifier.
_OF_CHANGED_CODE = (TypeError, ValueError, ChildWorkflowFailed, WorkflowFailed)


@dataclass(frozen=True)
class CaseReport:
    """What came of one case (replay.md 10.2).

    Attributes:
        id: Names the case.
        status: `replayed`, `drifted` or `failed`.
        reason: `none`, `shape_mismatch`, `replay_error`, `bundle_invalid`, `expectation_mismatch`.
        workflow_type: The workflow's type.
        family: Which kind of behaviour the case stands for.
        source: What recorded the history.
        divergence: Where code and history part: position, what history has, what the code asked
            for, the source line that asked, the likely cause and its cure.
        expected: What the case expects of the first command.
        observed: The first command.
        error: Class and message of what went wrong.
    """

    id: str
    status: str
    reason: str
    workflow_type: str | None
    family: str | None
    source: Mapping[str, Any] | None = None
    divergence: Mapping[str, Any] | None = None
    expected: Mapping[str, Any] | None = None
    observed: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None

    @property
    def verdict(self) -> str:
        """`ok`, `drifted` or `failed`."""
        return verdict_for_status(self.status)

    @property
    def promotion_decision(self) -> str:
        """What to do with the build."""
        return promotion_decision_for(self.verdict)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object with all attributes and properties."""
        return {
            "id": self.id,
            "status": self.status,
            "verdict": self.verdict,
            "promotion_decision": self.promotion_decision,
            "reason": self.reason,
            "workflow_type": self.workflow_type,
            "family": self.family,
            "source": self.source,
            "divergence": self.divergence,
            "expected": self.expected,
            "observed": self.observed,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Case:
    """What a case is, before it is replayed: the attributes of its report."""

    id: str
    workflow_type: str | None = None
    family: str | None = None
    source: Mapping[str, Any] | None = None
    expected: Mapping[str, Any] | None = None

    def report(self, status: str, reason: str, **found: Mapping[str, Any] | None) -> CaseReport:
        """What came of it."""
        return CaseReport(
            id=self.id,
            status=status,
            reason=reason,
            workflow_type=self.workflow_type,
            family=self.family,
            source=self.source,
            expected=self.expected,
            **found,
        )

    def invalid(self, error_class: str, message: str) -> CaseReport:
        """It cannot be replayed at all."""
        error = {"class": error_class, "message": message}
        return self.report(STATUS_FAILED, REASON_BUNDLE_INVALID, error=error)


def verify_replay(
    workflow_cls: type,
    history: Iterable[dict[str, Any]] | Mapping[str, Any],
    *,
    start_input: list[Any] | None = None,
    expected: Mapping[str, Any] | None = None,
    case_id: str = "verify_replay",
    workflow_type: str | None = None,
) -> CaseReport:
    """Replay one history and report what came of it. Problems of code or history do not raise.

    A run that fails over a wait that was changed, or an update whose handler is gone, is reported
    as drifted; any other failure of the workflow is a command like others.

    Args:
        workflow_cls: The workflow class.
        history: The events, or an object that has them.
        start_input: Decoded positional arguments of `run`; None takes those in the history.
        expected: What the first command must be: `command_type` `CompleteWorkflow` with `result`,
            `ScheduleActivity` with `activity_type` and `arguments`, `StartChildWorkflow` with
            `workflow_type`.
        case_id: Names the case in the report.
        workflow_type: Names the workflow in the report; None takes the class's.
    Raises:
        TypeError: `workflow_cls` is no class.
    """
    name = type_name(workflow_cls)
    case = Case(case_id, workflow_type or name, expected=expected)
    return verify_case(case, workflow_cls, history, start_input)


def verify_case(
    case: Case, workflow_cls: type, history: object, start_input: list[Any] | None
) -> CaseReport:
    """Replay the history of a case."""
    try:
        recording = read_recording(history)
        start = start_of(recording, start_input)
    except Exception as error:  # noqa: BLE001 (whatever the codec raises)
        return _error_report(case, error)
    replay = replay_events(workflow_cls, start, recording.events)
    if replay.error is not None and replay.mismatch is None:
        return _error_report(case, replay.error)
    divergence = divergence_of(replay, workflow_cls, recording)
    if divergence is not None:
        block = {"class": NonDeterministicReplayError.__name__, "message": divergence.message}
        if replay.error is not None:
            block = error_block(replay.error)
        return case.report(
            STATUS_DRIFTED, REASON_SHAPE_MISMATCH, divergence=divergence.to_dict(), error=block
        )
    found = observed(replay.commands)
    differs = difference(case.expected, found) if case.expected is not None else None
    if differs is not None:
        error_found = {"class": "ExpectationMismatch", "message": differs}
        return case.report(
            STATUS_DRIFTED, REASON_EXPECTATION_MISMATCH, observed=found, error=error_found
        )
    return case.report(STATUS_REPLAYED, REASON_NONE, observed=found)


def divergence_of(replay: Replay, workflow_cls: type, recording: Recording) -> Divergence | None:
    """Where code and history part, if they do."""
    mismatch, machine = replay.mismatch, replay.machine
    if mismatch is None or machine is None:
        return None
    if isinstance(mismatch, NonDeterministicReplayError):
        return explain(mismatch, machine, workflow_cls, recording.events)
    return explain_failure(mismatch, machine, workflow_cls, recording.events)


def _error_report(case: Case, error: BaseException) -> CaseReport:
    if isinstance(error, _OF_CHANGED_CODE):
        return case.report(STATUS_DRIFTED, REASON_SHAPE_MISMATCH, error=error_block(error))
    block = error_block(error, with_traceback=True)
    return case.report(STATUS_FAILED, REASON_REPLAY_ERROR, error=block)
