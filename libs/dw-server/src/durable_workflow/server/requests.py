"""What callers ask of the services: bodies of the wire, parsed and checked field by field.

The handlers fill these; the services read nothing else. A field that is absent on the wire is here
with its default. Rules that need the store (does the run exist, is the lease good, do the commands
fit the run) belong to the services.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and through which request: recorded with every command of the control plane."""

    namespace: str
    role: str = "operator"
    subject: str = "anonymous"
    auth_method: str = "none"
    method: str = "POST"
    path: str = ""
    request_id: str | None = None
    user_agent: str | None = None
    ip: str | None = None
    body_sha256: str | None = None


class Payload(msgspec.Struct, frozen=True):
    """A value of the user, never opened by the server unless it must.

    Attributes:
        codec: Name of the codec, e.g. ``avro``.
        blob: The encoded value, or None when it is kept elsewhere (or absent).
        external_storage: The reference to where it is kept, as it came.
    """

    codec: str
    blob: str | None = None
    external_storage: dict[str, Any] | None = None


# --- control plane ---------------------------------------------------------------------------


class StartWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Start a run of a workflow id (control-plane 4.2). Timeouts are whole seconds, at least 1."""

    workflow_type: str
    workflow_id: str | None = None
    task_queue: str = "default"
    arguments: Payload | None = None
    codec: str = "avro"
    business_key: str | None = None
    memo: dict[str, Any] = {}
    search_attributes: dict[str, Any] = {}
    execution_timeout_seconds: int | None = None
    run_timeout_seconds: int | None = None
    duplicate_policy: str = "fail"
    priority: int = 5
    fairness_key: str | None = None
    fairness_weight: int = 1


class ListWorkflows(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the runs of a namespace, newest first (control-plane 4.3).

    Attributes:
        status: A bucket: ``running``, ``completed`` or ``failed``; None for all.
        query: Text to look for, trimmed and not empty; None for all.
        offset: Rows to leave out, decoded from the page token (0 for a bad one).
    """

    workflow_type: str | None = None
    status: str | None = None
    query: str | None = None
    page_size: int = 50
    offset: int = 0


class ReadHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one run (control-plane 5.1).

    Attributes:
        page_size: None for everything that is left.
        after: Last sequence that the caller has, 0 for none.
    """

    workflow_id: str
    run_id: str
    page_size: int | None = None
    after: int = 0


class SignalWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Send a signal to the current run, or to `run_id` if that is the current one."""

    workflow_id: str
    signal_name: str
    run_id: str | None = None
    arguments: Payload | None = None
    request_id: str | None = None


class UpdateWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Ask the current run to apply an update. `wait_for` is ``accepted`` or ``completed``."""

    workflow_id: str
    update_name: str
    run_id: str | None = None
    arguments: Payload | None = None
    request_id: str | None = None
    wait_for: str = "accepted"
    wait_timeout_seconds: int | None = None


class CloseWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Cancel or terminate the current run."""

    workflow_id: str
    run_id: str | None = None
    reason: str | None = None
    request_id: str | None = None


class QueryWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Ask a worker for a value computed from a run's state."""

    workflow_id: str
    query_name: str
    run_id: str | None = None
    arguments: Payload | None = None
    request_id: str | None = None


# --- worker plane ----------------------------------------------------------------------------


class RegisterWorker(msgspec.Struct, frozen=True, kw_only=True):
    """Announce a worker of a task queue, or renew what is known of it (worker-protocol 2.1)."""

    task_queue: str
    runtime: str
    worker_id: str | None = None
    sdk_version: str | None = None
    build_id: str | None = None
    supported_workflow_types: list[str] = []
    supported_activity_types: list[str] = []
    workflow_definition_fingerprints: dict[str, str] = {}
    max_concurrent_workflow_tasks: int = 100
    max_concurrent_activity_tasks: int = 100
    capabilities: list[str] = []
    task_slots: dict[str, int] | None = None
    process_metrics: dict[str, Any] | None = None
    heartbeat_interval_seconds: int | None = None
    session: str | None = None


class HeldTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task that a worker says it holds (extension `held_tasks`).

    Attributes:
        attempt: The number of a workflow task's attempt, or the id of an activity's.
    """

    kind: str
    task_id: str
    attempt: int | str


class WorkerHeartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """A sign of life of a registered worker, and what it has to say of itself.

    Attributes:
        held_tasks: The tasks that it works on (extension `held_tasks`); None from workers that do
            not say.
        wait_seconds: How long the answer may be held; None to be answered at once.
    """

    worker_id: str
    task_slots: dict[str, int] | None = None
    process_metrics: dict[str, Any] | None = None
    heartbeat_interval_seconds: int | None = None
    session: str | None = None
    held_tasks: list[HeldTask] | None = None
    wait_seconds: int | None = None


class DeregisterWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's own goodbye (extension `deregister`)."""

    worker_id: str
    session: str


class PollTask(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for one task of a queue.

    Attributes:
        poll_request_id: Asked twice with one id, the same task is handed out twice.
        history_page_size: None for the server's default.
        accept_history_encoding: ``gzip`` or ``deflate`` where the worker can unpack history.
    """

    worker_id: str
    task_queue: str
    build_id: str | None = None
    poll_request_id: str | None = None
    history_page_size: int | None = None
    accept_history_encoding: str | None = None
    session: str | None = None


class TaskOwner(msgspec.Struct, frozen=True, kw_only=True):
    """The three things that must match for a worker to act on a workflow task."""

    task_id: str
    lease_owner: str
    attempt: int


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """The next page of a leased task's history. `token` is as it came; the service decodes it."""

    owner: TaskOwner
    token: str | None = None
    page_size: int | None = None
    accept_history_encoding: str | None = None


class CompleteWorkflowTask(msgspec.Struct, frozen=True, kw_only=True):
    """What the workflow wants done next. `commands` holds at least one object, not yet checked."""

    owner: TaskOwner
    commands: list[dict[str, Any]]
    keep_history: bool = False


class FailWorkflowTask(msgspec.Struct, frozen=True, kw_only=True):
    """The worker could not advance the run."""

    owner: TaskOwner
    message: str
    type: str | None = None
    stack_trace: str | None = None


class CompleteActivityTask(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt returned. `result` is as it came: an envelope, any other JSON value, or None."""

    task_id: str
    activity_attempt_id: str
    lease_owner: str
    result: Any = None


class ActivityFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an attempt failed (worker-protocol 5.3). `details` is stored as given."""

    message: str
    type: str | None = None
    stack_trace: str | None = None
    non_retryable: bool = False
    kind: str | None = None
    timeout_type: str | None = None
    cancelled: bool = False
    malformed_output: bool = False
    details: Any = None


class FailActivityTask(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt failed."""

    task_id: str
    activity_attempt_id: str
    lease_owner: str
    failure: ActivityFailure


class HeartbeatActivityTask(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt is alive. `progress` holds those of the five progress members that were sent."""

    task_id: str
    activity_attempt_id: str
    lease_owner: str
    progress: dict[str, Any] = {}


class QueryTaskOwner(msgspec.Struct, frozen=True, kw_only=True):
    """The three things that must match for a worker to answer a query task."""

    query_task_id: str
    lease_owner: str
    attempt: int


class CompleteQueryTask(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a query: the plain value if the worker sent it, and the envelope."""

    owner: QueryTaskOwner
    result: Any = None
    result_envelope: dict[str, Any] | None = None
    accepted: bool | None = None


class FailQueryTask(msgspec.Struct, frozen=True, kw_only=True):
    """Why a query has no answer."""

    owner: QueryTaskOwner
    message: str
    reason: str | None = None
    type: str | None = None
    stack_trace: str | None = None
