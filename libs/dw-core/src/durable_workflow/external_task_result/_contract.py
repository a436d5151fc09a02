"""The envelope in which a carrier says how a task went."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from durable_workflow._reading import ArtifactKind, ContractError, Section

EXTERNAL_TASK_RESULT_SCHEMA: Final = "durable-workflow.v2.external-task-result"
EXTERNAL_TASK_RESULT_CONTRACT_SCHEMA: Final = "durable-workflow.v2.external-task-result.contract"
EXTERNAL_TASK_RESULT_MEDIA_TYPE: Final = (
    "application/vnd.durable-workflow.external-task-result+json"
)
EXTERNAL_TASK_RESULT_VERSION: Final = 1

ExternalTaskResultKind = Literal["success", "failure", "malformed_output"]
_SUCCEEDED: Final = "succeeded"
_FAILED: Final = "failed"
_MALFORMED: Final = "malformed_output"
_FAILURE_KINDS: Final = (
    "application",
    "timeout",
    "cancellation",
    _MALFORMED,
    "handler_crash",
    "decode_failure",
    "unsupported_payload",
)
_CLASSIFICATIONS: Final = (
    "application_error",
    "timeout",
    "cancelled",
    "deadline_exceeded",
    "handler_crash",
    "decode_failure",
    _MALFORMED,
    "unsupported_payload_codec",
    "unsupported_payload_reference",
)


class ExternalTaskResultError(ContractError):
    """A result envelope, or an artifact with one, does not follow the contract."""


@dataclass(frozen=True)
class ExternalTaskIdentity:
    """Which task it was, and which attempt at it."""

    id: str
    kind: str
    attempt: int
    idempotency_key: str


@dataclass(frozen=True)
class ExternalTaskFailure:
    """Why a task failed.

    Attributes:
        kind: What failed: the handler, its time, the carrier, the payload.
        classification: The same, finer.
        message: For people.
        type: Type of the exception, in the handler's language.
        stack_trace: Where it came from.
        timeout_type: Which deadline passed.
        cancelled: Whether it stopped because it was asked to.
        details: An envelope with more, or None.
    """

    kind: str
    classification: str
    message: str
    type: str | None
    stack_trace: str | None
    timeout_type: str | None
    cancelled: bool
    details: Mapping[str, Any] | None

    @property
    def deadline_exceeded(self) -> bool:
        """Whether a deadline passed."""
        return "deadline_exceeded" in (self.classification, self.timeout_type)

    @property
    def handler_crash(self) -> bool:
        """Whether the handler ended without an answer."""
        return "handler_crash" in (self.kind, self.classification)

    @property
    def decode_failure(self) -> bool:
        """Whether the handler could not read its input."""
        return "decode_failure" in (self.kind, self.classification)

    @property
    def unsupported_payload(self) -> bool:
        """Whether the handler knows neither the codec nor the reference of its input."""
        return self.kind == "unsupported_payload" or self.classification in (
            "unsupported_payload_codec",
            "unsupported_payload_reference",
        )


@dataclass(frozen=True)
class ExternalTaskResult:
    """How a task went.

    Attributes:
        kind: Success, failure, or output that was no envelope.
        task: Which task.
        recorded: Whether the carrier recorded it.
        metadata: The carrier's own.
        result: `payload` and `metadata` of a success, or None.
        failure: Why it failed.
        raw_output: What the handler put out instead of an envelope.
        retryable: Whether another attempt may help.
    """

    kind: ExternalTaskResultKind
    task: ExternalTaskIdentity
    recorded: bool
    metadata: Mapping[str, Any]
    result: Mapping[str, Any] | None = None
    failure: ExternalTaskFailure | None = None
    raw_output: Mapping[str, Any] | None = None
    retryable: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether it succeeded."""
        return self.kind == "success"

    @property
    def failed(self) -> bool:
        """Whether it failed, malformed output included."""
        return not self.succeeded

    @property
    def malformed_output(self) -> bool:
        """Whether the handler's output was no envelope."""
        return self.kind == _MALFORMED

    @property
    def cancelled(self) -> bool:
        """Whether it stopped because it was asked to."""
        return self.failure is not None and self.failure.cancelled

    @property
    def deadline_exceeded(self) -> bool:
        """Whether a deadline passed."""
        return self.failure is not None and self.failure.deadline_exceeded

    @property
    def handler_crash(self) -> bool:
        """Whether the handler ended without an answer."""
        return self.failure is not None and self.failure.handler_crash

    @property
    def decode_failure(self) -> bool:
        """Whether the handler could not read its input."""
        return self.failure is not None and self.failure.decode_failure

    @property
    def unsupported_payload(self) -> bool:
        """Whether the handler knows neither the codec nor the reference of its input."""
        return self.failure is not None and self.failure.unsupported_payload

    @property
    def failure_kind(self) -> str | None:
        """The failure's kind; None on success."""
        return None if self.failure is None else self.failure.kind

    @property
    def failure_classification(self) -> str | None:
        """The failure's classification; None on success."""
        return None if self.failure is None else self.failure.classification


_ARTIFACT: Final = ArtifactKind(
    prefix=f"{EXTERNAL_TASK_RESULT_SCHEMA}.",
    media_type=EXTERNAL_TASK_RESULT_MEDIA_TYPE,
    schema=EXTERNAL_TASK_RESULT_SCHEMA,
    version=EXTERNAL_TASK_RESULT_VERSION,
    error=ExternalTaskResultError,
)


def parse_external_task_result(envelope: Mapping[str, Any]) -> ExternalTaskResult:
    """Read a result envelope. Members that the contract does not name are ignored.

    Raises:
        ExternalTaskResultError: It does not follow the contract; the text says where.
    """
    document = Section(envelope, "", ExternalTaskResultError)
    document.pinned("schema", EXTERNAL_TASK_RESULT_SCHEMA)
    document.pinned("version", EXTERNAL_TASK_RESULT_VERSION)
    outcome = document.section("outcome")
    status = outcome.one_of("status", (_SUCCEEDED, _FAILED))
    recorded = outcome.flag("recorded")
    metadata = document.section("metadata").members
    task = _identity(document.section("task"))
    if status == _SUCCEEDED:
        result = document.nullable_object("result")
        return ExternalTaskResult("success", task, recorded, metadata, result=result)
    failure = _failure(document.section("failure"))
    raw_output = _raw_output(document, failure)
    return ExternalTaskResult(
        "failure" if raw_output is None else _MALFORMED,
        task,
        recorded,
        metadata,
        failure=failure,
        raw_output=raw_output,
        retryable=outcome.flag("retryable"),
    )


def parse_external_task_result_artifact(artifact: Mapping[str, Any]) -> ExternalTaskResult:
    """Read the result envelope that a published artifact holds as its example.

    Raises:
        ExternalTaskResultError: It is no such artifact, its checksum is of another example, or
            the example does not follow the contract.
    """
    return parse_external_task_result(_ARTIFACT.example(artifact))


def _identity(task: Section) -> ExternalTaskIdentity:
    return ExternalTaskIdentity(
        id=task.text("id"),
        kind=task.text("kind"),
        attempt=task.integer("attempt", minimum=1),
        idempotency_key=task.text("idempotency_key"),
    )


def _failure(section: Section) -> ExternalTaskFailure:
    failure = ExternalTaskFailure(
        kind=section.one_of("kind", _FAILURE_KINDS),
        classification=section.one_of("classification", _CLASSIFICATIONS),
        message=section.string("message"),
        type=section.nullable_text("type"),
        stack_trace=section.nullable_text("stack_trace"),
        timeout_type=section.nullable_text("timeout_type"),
        cancelled=section.flag("cancelled"),
        details=section.nullable_object("details"),
    )
    if failure.classification == "cancelled" and not failure.cancelled:
        raise section.fail("cancelled", "true where the classification is cancelled")
    return failure


def _raw_output(document: Section, failure: ExternalTaskFailure) -> Mapping[str, Any] | None:
    """What the handler put out, where that is why the task failed."""
    is_malformed = _MALFORMED in (failure.kind, failure.classification)
    if is_malformed or "raw_output" in document.members:
        return document.section("raw_output").members
    return None
