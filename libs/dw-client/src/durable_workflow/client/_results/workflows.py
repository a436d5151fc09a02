"""Results of calls about workflows."""

from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.json_values import JsonObject, count, object_or_none, objects, text


@dataclass
class WorkflowExecution:
    """The newest run of a workflow.

    Attributes:
        workflow_id: Id of the workflow.
        run_id: Id of this run.
        workflow_type: Its type.
        status: `pending`, `running`, `waiting`, `completed`, `failed`, `cancelled`, `terminated`.
        namespace: Its namespace.
        task_queue: Where its tasks go.
        input: The decoded positional arguments.
        output: The decoded result; None while the run is open.
        payload_codec: Codec of its payloads.
        business_key: The application's key, where the start gave one.
        status_bucket: `running`, `completed` or `failed`.
        is_terminal: Whether it is closed.
        started_at: When it started, in UTC.
        closed_at: When it was closed, in UTC; None while it is open.
        closed_reason: How it ended: as `status`, and `timed_out` and `continued` beside.
        search_attributes: Values by which lists find it.
        memo: What its start said of it.
    """

    workflow_id: str
    run_id: str | None
    workflow_type: str
    status: str | None = None
    namespace: str | None = None
    task_queue: str | None = None
    input: Any = None
    output: Any = None
    payload_codec: str | None = None
    business_key: str | None = None
    status_bucket: str | None = None
    is_terminal: bool | None = None
    started_at: str | None = None
    closed_at: str | None = None
    closed_reason: str | None = None
    search_attributes: dict[str, Any] | None = None
    memo: dict[str, Any] | None = None


@dataclass
class WorkflowList:
    """One page of runs, newest first. Servers send no payloads, memos and codecs in lists.

    Attributes:
        executions: The runs.
        next_page_token: Token of the next page; None on the last.
    """

    executions: list[WorkflowExecution]
    next_page_token: str | None = None


@dataclass
class WorkflowRun:
    """One run of a workflow, in full.

    Payloads are as the server decoded them. Times are strings in UTC, durations whole seconds.

    Attributes:
        run_number: 1 for the first run of the workflow, one more for each that followed it.
        run_count: How many runs the workflow has.
        status_bucket: `running`, `completed` or `failed`.
        closed_reason: How it ended: as `status`, and `timed_out` and `continued` beside.
        compatibility: Build id that its tasks are kept to.
        actions: Which commands the server would accept now, by name.
        wait_kind: What it waits for: `activity`, `timer`, `signal` and so on.
    """

    workflow_id: str
    run_id: str
    workflow_type: str
    status: str | None = None
    namespace: str | None = None
    task_queue: str | None = None
    run_number: int | None = None
    run_count: int | None = None
    is_current_run: bool | None = None
    status_bucket: str | None = None
    business_key: str | None = None
    compatibility: str | None = None
    payload_codec: str | None = None
    input: Any = None
    output: Any = None
    memo: dict[str, Any] | None = None
    search_attributes: dict[str, Any] | None = None
    actions: dict[str, Any] | None = None
    started_at: str | None = None
    closed_at: str | None = None
    last_progress_at: str | None = None
    closed_reason: str | None = None
    wait_kind: str | None = None
    wait_reason: str | None = None
    execution_timeout_seconds: int | None = None
    run_timeout_seconds: int | None = None
    execution_deadline_at: str | None = None
    run_deadline_at: str | None = None

    @classmethod
    def from_dict(
        cls, data: dict[str, Any], *, workflow_id: str | None = None, run_id: str | None = None
    ) -> "WorkflowRun":
        """Read the run from a response object, without decoding its payloads.

        Args:
            data: The object.
            workflow_id: Id to take where the object has none.
            run_id: Id to take where the object has none.
        """
        members = {name: data.get(name) for name in cls.__dataclass_fields__}
        members["workflow_id"] = text(data.get("workflow_id"), workflow_id)
        members["run_id"] = text(data.get("run_id"), run_id)
        members["workflow_type"] = text(data.get("workflow_type"))
        for name in ("memo", "search_attributes", "actions"):
            members[name] = object_or_none(data.get(name))
        return cls(**members)  # type: ignore[arg-type]  # JSON scalars pass through unchecked


@dataclass
class WorkflowRunList:
    """All runs of a workflow, the first one first.

    Attributes:
        workflow_id: Id of the workflow.
        run_count: How many runs there are.
        runs: The runs.
    """

    workflow_id: str
    run_count: int
    runs: list[WorkflowRun]


@dataclass
class WorkflowCommandResult:
    """Result of a command on a workflow.

    Attributes:
        workflow_id: Id of the workflow.
        outcome: What became of the command, as `archived` or `repair_not_needed`.
        command_status: `accepted` or `rejected`.
        command_id: Id of the recorded command.
        raw: The whole response object.
    """

    workflow_id: str
    outcome: str
    command_status: str | None = None
    command_id: str | None = None
    raw: dict[str, Any] | None = None

    @classmethod
    def from_dict(
        cls, data: dict[str, Any], *, workflow_id: str | None = None
    ) -> "WorkflowCommandResult":
        """Read the result from a response object.

        Args:
            data: The object.
            workflow_id: Id to take where the object has none.
        """
        return cls(
            workflow_id=text(data.get("workflow_id"), workflow_id),
            outcome=text(data.get("outcome")),
            command_status=data.get("command_status"),
            command_id=data.get("command_id"),
            raw=data,
        )


def workflow_list(data: JsonObject, namespace: str) -> WorkflowList:
    """Read one page of runs, all of one namespace."""
    rows = [_execution(row, namespace=namespace) for row in objects(data.get("workflows"))]
    return WorkflowList(rows, data.get("next_page_token"))


def run_list(data: JsonObject, workflow_id: str) -> WorkflowRunList:
    """Read the runs of one workflow."""
    rows = objects(data.get("runs"))
    runs = [WorkflowRun.from_dict(row, workflow_id=workflow_id) for row in rows]
    return WorkflowRunList(
        workflow_id=text(data.get("workflow_id"), workflow_id),
        run_count=count(data.get("run_count", len(runs))),
        runs=runs,
    )


def described_execution(data: JsonObject, workflow_id: str) -> WorkflowExecution:
    """Read a description. Its payloads stay as the server decoded them."""
    return _execution(data, workflow_id=workflow_id)


def _execution(
    data: JsonObject, *, workflow_id: str | None = None, namespace: str | None = None
) -> WorkflowExecution:
    members = {name: data.get(name) for name in WorkflowExecution.__dataclass_fields__}
    members["workflow_id"] = text(data.get("workflow_id"), workflow_id)
    members["workflow_type"] = text(data.get("workflow_type"))
    members["namespace"] = data.get("namespace", namespace)
    for name in ("memo", "search_attributes"):
        members[name] = object_or_none(data.get(name))
    return WorkflowExecution(**members)  # type: ignore[arg-type]  # JSON scalars pass unchecked
