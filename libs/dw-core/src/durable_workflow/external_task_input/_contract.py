"""The envelope in which a carrier gets a task that something else than a worker runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from durable_workflow._reading import ArtifactKind, ContractError, Section

EXTERNAL_TASK_INPUT_SCHEMA: Final = "durable-workflow.v2.external-task-input"
EXTERNAL_TASK_INPUT_CONTRACT_SCHEMA: Final = "durable-workflow.v2.external-task-input.contract"
EXTERNAL_TASK_INPUT_MEDIA_TYPE: Final = "application/vnd.durable-workflow.external-task-input+json"
EXTERNAL_TASK_INPUT_VERSION: Final = 1

ExternalTaskInputKind = Literal["activity_task", "workflow_task"]
_ACTIVITY: Final = "activity_task"
_WORKFLOW: Final = "workflow_task"
_DEADLINES: Final = ("schedule_to_start", "start_to_close", "schedule_to_close", "heartbeat")


class ExternalTaskInputError(ContractError):
    """An input envelope, or an artifact with one, does not follow the contract."""


@dataclass(frozen=True)
class ExternalTaskInputIdentity:
    """Which task it is, and which attempt at it."""

    id: str
    kind: ExternalTaskInputKind
    attempt: int
    task_queue: str
    handler: str | None
    connection: str | None
    idempotency_key: str
    activity_attempt_id: str | None = None
    compatibility: str | None = None


@dataclass(frozen=True)
class ExternalTaskWorkflowContext:
    """The run that the task belongs to; `status` and `resume` for workflow tasks only."""

    id: str
    run_id: str
    status: str | None = None
    resume: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ExternalTaskLease:
    """For whom the task is leased, until when, and where to renew it."""

    owner: str
    expires_at: str
    heartbeat_endpoint: str


@dataclass(frozen=True)
class ExternalTaskInput:
    """A task for a carrier.

    Attributes:
        kind: Whether it is an activity task or a workflow task.
        task: The ids of the task.
        workflow: The run it belongs to.
        lease: For whom it is leased.
        payloads: `arguments`, an envelope or null.
        headers: Context that travels along, as `traceparent`.
        deadlines: For activity tasks, four times or nulls.
        history: For workflow tasks, the history so far.
    """

    kind: ExternalTaskInputKind
    task: ExternalTaskInputIdentity
    workflow: ExternalTaskWorkflowContext
    lease: ExternalTaskLease
    payloads: Mapping[str, Any]
    headers: Mapping[str, Any]
    deadlines: Mapping[str, Any] | None = None
    history: Mapping[str, Any] | None = None

    @property
    def is_activity_task(self) -> bool:
        """Whether it is an activity task."""
        return self.kind == _ACTIVITY

    @property
    def is_workflow_task(self) -> bool:
        """Whether it is a workflow task."""
        return self.kind == _WORKFLOW


_ARTIFACT: Final = ArtifactKind(
    prefix=f"{EXTERNAL_TASK_INPUT_SCHEMA}.",
    media_type=EXTERNAL_TASK_INPUT_MEDIA_TYPE,
    schema=EXTERNAL_TASK_INPUT_SCHEMA,
    version=EXTERNAL_TASK_INPUT_VERSION,
    error=ExternalTaskInputError,
)


def parse_external_task_input(envelope: Mapping[str, Any]) -> ExternalTaskInput:
    """Read an input envelope. Members that the contract does not name are ignored.

    Raises:
        ExternalTaskInputError: It does not follow the contract; the text says where.
    """
    document = Section(envelope, "", ExternalTaskInputError)
    document.pinned("schema", EXTERNAL_TASK_INPUT_SCHEMA)
    document.pinned("version", EXTERNAL_TASK_INPUT_VERSION)
    task = document.section("task")
    kind = cast("ExternalTaskInputKind", task.one_of("kind", (_ACTIVITY, _WORKFLOW)))
    is_activity = kind == _ACTIVITY
    payloads = document.section("payloads")
    payloads.nullable_object("arguments")
    return ExternalTaskInput(
        kind=kind,
        task=_identity(task, kind),
        workflow=_workflow(document.section("workflow"), is_activity),
        lease=_lease(document.section("lease")),
        payloads=payloads.members,
        headers=document.section("headers").members,
        deadlines=_deadlines(document.section("deadlines")) if is_activity else None,
        history=None if is_activity else _history(document.section("history")),
    )


def parse_external_task_input_artifact(artifact: Mapping[str, Any]) -> ExternalTaskInput:
    """Read the input envelope that a published artifact holds as its example.

    Raises:
        ExternalTaskInputError: It is no such artifact, its checksum is of another example, or the
            example does not follow the contract.
    """
    return parse_external_task_input(_ARTIFACT.example(artifact))


def _identity(task: Section, kind: ExternalTaskInputKind) -> ExternalTaskInputIdentity:
    is_activity = kind == _ACTIVITY
    return ExternalTaskInputIdentity(
        id=task.text("id"),
        kind=kind,
        attempt=task.integer("attempt", minimum=1),
        task_queue=task.text("task_queue"),
        handler=task.text("handler") if is_activity else task.nullable_text("handler"),
        connection=task.nullable_text("connection"),
        idempotency_key=task.text("idempotency_key"),
        activity_attempt_id=task.text("activity_attempt_id") if is_activity else None,
        compatibility=None if is_activity else task.nullable_text("compatibility"),
    )


def _workflow(workflow: Section, is_activity: bool) -> ExternalTaskWorkflowContext:
    return ExternalTaskWorkflowContext(
        id=workflow.text("id"),
        run_id=workflow.text("run_id"),
        status=None if is_activity else workflow.nullable_text("status"),
        resume=None if is_activity else workflow.section("resume").members,
    )


def _lease(lease: Section) -> ExternalTaskLease:
    return ExternalTaskLease(
        owner=lease.text("owner"),
        expires_at=lease.text("expires_at"),
        heartbeat_endpoint=lease.text("heartbeat_endpoint"),
    )


def _deadlines(deadlines: Section) -> Mapping[str, Any]:
    for key in _DEADLINES:
        deadlines.nullable_text(key)
    return deadlines.members


def _history(history: Section) -> Mapping[str, Any]:
    history.array("events")
    history.integer("last_sequence", minimum=0)
    history.nullable_text("next_page_token")
    history.nullable_text("encoding")
    return history.members
