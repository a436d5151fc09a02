"""What the engine knows of a run and of what the run has open.

The records mirror rows of the store: the order of the fields of `Run`, `Activity`, `Timer`,
`ChildLink` and `Update` is the order of the columns in the statements that load them. All times
are microseconds since 1970 UTC.

A run's record has a small, constant size: steps are rows of their own, found by (run, workflow
sequence), and the run holds only counters, its one open wait and its one open workflow task.
"""

from __future__ import annotations

from typing import Any, Final, Literal, Protocol, TypeAlias

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject

# States of a task. None stands for "no task".
READY: Final = "ready"
LEASED: Final = "leased"
COMPLETED: Final = "completed"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"

# States of a run that are not the end of it. Whether an open run is `running` or `waiting` is
# read from its task, see `shown_status`.
PENDING: Final = "pending"
WAITING: Final = "waiting"
RUNNING: Final = "running"
TERMINATED: Final = "terminated"

TERMINAL: Final = frozenset({COMPLETED, FAILED, CANCELLED, TERMINATED})

BufferedKind: TypeAlias = Literal["signal", "update", "batch", "wait_timeout"]


class Run(msgspec.Struct):
    """One run. The fields up to `schedule_id` never change.

    Attributes:
        schedule_id: The schedule that started it, or the first of its chain.
    """

    run_id: str
    namespace: str
    workflow_id: str
    run_number: int
    workflow_type: str
    task_queue: str
    compatibility: str | None
    codec: str
    priority: int
    fairness_key: str | None
    fairness_weight: int
    started_at: int
    execution_timeout_seconds: int | None
    run_timeout_seconds: int | None
    execution_deadline: int | None
    run_deadline: int | None
    parent_run_id: str | None
    parent_sequence: int | None
    link_id: str | None
    connection: str | None = None
    schedule_id: str | None = None

    status: str = PENDING
    closed_reason: str | None = None
    closed_at: int | None = None
    last_progress_at: int = 0
    continued_to_run_id: str | None = None

    # History. `warned` is set once the hint to continue as new was logged.
    last_sequence: int = 0
    history_bytes: int = 0
    warned: bool = False
    tasks_completed: int = 0

    # The current batch: blocking steps whose resolutions are not in history yet (WP-R1, R2).
    batch_first: int = 0
    batch_size: int = 0
    batch_open: int = 0
    blocked_on: str | None = None

    pending_activities: int = 0
    pending_timers: int = 0
    pending_children: int = 0
    pending_signals: int = 0
    pending_updates: int = 0

    # The newest wait that is neither satisfied, timed out nor superseded (WP-R6).
    wait_id: str | None = None
    wait_key: str | None = None
    wait_fingerprint: str | None = None
    wait_sequence: int | None = None
    wait_timeout: int | None = None
    wait_timer_id: str | None = None
    wait_fire_at: int | None = None

    # Events that wait for the worker's completion (WP-R4); `holds` says that a woken but unclaimed
    # task must see none of them either.
    buffered: int = 0
    holds: bool = False

    # The one open workflow task. `updates_wait` says that updates have gone before the ordinary
    # work that is due, so that those accepted from now on wait for it.
    task_id: str | None = None
    task_status: str | None = None
    task_attempt: int = 0
    task_available_at: int = 0
    task_ordinary: bool = False
    updates_wait: bool = False
    task_update_id: str | None = None
    task_context: str | None = None
    task_failures: int = 0
    task_error: str | None = None
    task_error_type: str | None = None
    lease_owner: str | None = None
    leased_at: int | None = None
    lease_expires_at: int | None = None
    claimed_sequence: int = 0
    poll_request_id: str | None = None
    sticky_worker: str | None = None
    sticky_sequence: int = 0
    sticky_until: int = 0
    due_at: int | None = None
    lease_session: str | None = None
    archived_at: int | None = None
    # Of a lease whose task may have left before its commit: only its holder knows it.
    lease_claim: str | None = None

    @property
    def closed(self) -> bool:
        """Whether the run has ended."""
        return self.closed_at is not None

    @property
    def ids(self) -> dict[str, str]:
        """What a line of the log about it has as members."""
        return {"workflow_id": self.workflow_id, "run_id": self.run_id}

    @property
    def hosts_activity(self) -> bool:
        """Whether the run is there for one activity alone, and no code decides on it."""
        return self.workflow_type == names.STANDALONE_ACTIVITY


class RunDetails(msgspec.Struct):
    """What is known of a run and rarely read: kept apart from the row that changes all the time.

    Attributes:
        archive: `command_id` and `reason` of the command that archived the run.
    """

    run_id: str
    arguments: JsonObject | None
    business_key: str | None = None
    memo: JsonObject = msgspec.field(default_factory=dict)
    search_attributes: JsonObject = msgspec.field(default_factory=dict)
    output: Any = None
    failure: JsonObject | None = None
    continued_from_run_id: str | None = None
    archive: JsonObject | None = None


class ActivityPolicy(msgspec.Struct):
    """The snapshot of retries and timeouts taken when an activity is scheduled (5.6)."""

    snapshot_version: int = 1
    max_attempts: int = 1
    backoff_seconds: list[int] = msgspec.field(default_factory=list)
    start_to_close_timeout: int | None = None
    schedule_to_start_timeout: int | None = None
    schedule_to_close_timeout: int | None = None
    heartbeat_timeout: int | None = None
    non_retryable_error_types: list[str] = msgspec.field(default_factory=list)


class ChildPolicy(msgspec.Struct):
    """The snapshot of retries taken when a child is scheduled."""

    snapshot_version: int = 1
    max_attempts: int = 1
    backoff_seconds: list[int] = msgspec.field(default_factory=list)
    non_retryable_error_types: list[str] = msgspec.field(default_factory=list)


class Activity(msgspec.Struct):
    """One activity execution with its task and its current attempt.

    Attributes:
        redeliveries: How many leases of the current attempt ran out.
        redelivered: How many attempts had no outcome, in all: their leases ran out, or their
            workers gave them back. The retry policy does not count them.
        arguments: What it is called with, as JSON, where that is kept in its row.
    """

    execution_id: str
    run_id: str
    namespace: str
    sequence: int
    activity_type: str
    task_queue: str
    priority: int
    codec: str
    policy: str | None
    scheduled_at: int
    connection: str | None = None
    fairness_key: str | None = None
    fairness_weight: int = 1
    arguments: str | None = None

    status: str = PENDING
    attempt_count: int = 0
    task_id: str = ""
    task_status: str = READY
    available_at: int = 0
    attempt_id: str | None = None
    lease_owner: str | None = None
    lease_expires_at: int | None = None
    poll_request_id: str | None = None
    started_at: int | None = None
    last_heartbeat_at: int | None = None
    progress: str | None = None
    schedule_to_start_at: int | None = None
    schedule_to_close_at: int | None = None
    start_to_close_at: int | None = None
    heartbeat_at: int | None = None
    closed_at: int | None = None
    due_at: int | None = None
    lease_session: str | None = None
    redeliveries: int = 0
    redelivered: int = 0


class PastAttempt(msgspec.Struct, frozen=True):
    """An attempt that was superseded: kept so that its late report is recognised."""

    attempt_id: str
    task_id: str
    execution_id: str
    run_id: str
    attempt_number: int
    status: str
    lease_owner: str | None
    closed_at: int


class Timer(msgspec.Struct):
    """A timer of the workflow, or the timeout of a wait (`wait_id` is set then)."""

    timer_id: str
    run_id: str
    sequence: int
    delay: int
    fire_at: int
    wait_id: str | None = None
    status: str = PENDING


class ChildLink(msgspec.Struct):
    """A parent's step that is a child workflow. `child_run_id` is the child's current run."""

    link_id: str
    run_id: str
    sequence: int
    child_workflow_id: str
    child_run_id: str
    child_run_number: int
    child_type: str
    parent_close_policy: str
    policy: str | None
    execution_timeout_seconds: int | None
    run_timeout_seconds: int | None
    attempts: int = 1
    status: str = PENDING


class Update(msgspec.Struct):
    """An update of a run, from acceptance to outcome."""

    update_id: str
    namespace: str
    workflow_id: str
    run_id: str
    command_id: str
    command_sequence: int
    update_name: str
    request_id: str | None
    arguments: JsonObject | None
    position: int
    accepted_at: int | None
    status: str = "accepted"
    applied_at: int | None = None
    rejected_at: int | None = None
    closed_at: int | None = None
    workflow_sequence: int | None = None
    result: Any = None
    failure_id: str | None = None
    failure_message: str | None = None


class PastTask(msgspec.Struct, frozen=True):
    """A workflow task that is over: kept so that a repeated report is recognised.

    Attributes:
        lease_owner: The worker that had it last; None where nobody had it when it ended.
        attempt: The number of that worker's attempt.
        waited: Microseconds from when it was ready to that worker's lease; None without a lease.
        held: Microseconds from the lease to its end; None without a lease.
    """

    task_id: str
    run_id: str
    status: str
    closed_at: int
    lease_owner: str | None
    lease_session: str | None
    attempt: int
    waited: int | None = None
    held: int | None = None


class BufferedEvent(msgspec.Struct):
    """Something that happened while the run's worker was deciding (WP-R4).

    Attributes:
        ref: The update, the timer, or the signal it is about; empty for a batch.
        payload: The event's payload, encoded; empty where the event is made when it is appended.
        context: The resume context of the task that it may cause.
    """

    kind: BufferedKind
    ref: str
    event_type: str
    payload: bytes
    command_id: str | None = None
    context: JsonObject = msgspec.field(default_factory=dict)


class Resolution(msgspec.Struct):
    """How a step ended, as its event will say it: held until its batch is complete."""

    sequence: int
    event_type: str
    payload: bytes
    task_id: str | None = None


class KnownStep(msgspec.Struct, frozen=True):
    """A member of the current batch, as a worker would name it again (WP-R2)."""

    sequence: int
    kind: str
    name: str


class ShownRun(Protocol):
    """A run, whole or as a list has it, as far as it tells its status."""

    @property
    def status(self) -> str: ...
    @property
    def closed_at(self) -> int | None: ...
    @property
    def tasks_completed(self) -> int: ...
    @property
    def task_status(self) -> str | None: ...


def shown_status(run: ShownRun) -> str:
    """The status that people and workers see: an open run is `running` while it has a task."""
    if run.closed_at is not None or not run.tasks_completed:
        return run.status
    return RUNNING if run.task_status is not None else WAITING
