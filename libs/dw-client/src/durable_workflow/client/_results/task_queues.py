"""Results of calls about task queues: pollers, backlog, admission."""

from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.json_values import (
    JsonObject,
    object_or_none,
    objects,
    objects_or_none,
    text,
)


@dataclass
class TaskQueueTaskAdmission:
    """How many tasks of one kind the queue may hand out now.

    Limits that are not configured are None. The long names say what is counted, over which scope.

    Attributes:
        status: `accepting`, `throttled`, `no_active_workers`, `no_slots`, `saturated` or
            `unavailable`.
        budget_source: Where the number of slots comes from.
        server_budget_source: Which limits of the server apply.
    """

    status: str | None = None
    budget_source: str | None = None
    server_budget_source: str | None = None
    active_worker_count: int | None = None
    configured_slot_count: int | None = None
    leased_count: int | None = None
    ready_count: int | None = None
    available_slot_count: int | None = None
    server_max_active_leases_per_queue: int | None = None
    server_active_lease_count: int | None = None
    server_remaining_active_lease_capacity: int | None = None
    server_max_active_leases_per_namespace: int | None = None
    server_namespace_active_lease_count: int | None = None
    server_remaining_namespace_active_lease_capacity: int | None = None
    server_max_dispatches_per_minute: int | None = None
    server_dispatch_count_this_minute: int | None = None
    server_remaining_dispatch_capacity: int | None = None
    server_max_dispatches_per_minute_per_namespace: int | None = None
    server_namespace_dispatch_count_this_minute: int | None = None
    server_remaining_namespace_dispatch_capacity: int | None = None
    server_dispatch_budget_group: str | None = None
    server_max_dispatches_per_minute_per_budget_group: int | None = None
    server_budget_group_dispatch_count_this_minute: int | None = None
    server_remaining_budget_group_dispatch_capacity: int | None = None
    server_lock_required: bool | None = None
    server_lock_supported: bool | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> "TaskQueueTaskAdmission | None":
        """Read the admission from a response object; None stays None."""
        if (members := object_or_none(data)) is None:
            return None
        return cls(**{name: members.get(name) for name in cls.__dataclass_fields__})


@dataclass
class TaskQueueQueryAdmission:
    """How many queries may wait on the queue.

    Attributes:
        status: `accepting`, `full` or `unavailable`.
        budget_source: Where the limit comes from.
        max_pending_per_queue: The limit.
        approximate_pending_count: How many wait now.
        remaining_pending_capacity: How many more may.
        lock_required: Whether the limit needs a lock.
        lock_supported: Whether the server has one.
    """

    status: str | None = None
    budget_source: str | None = None
    max_pending_per_queue: int | None = None
    approximate_pending_count: int | None = None
    remaining_pending_capacity: int | None = None
    lock_required: bool | None = None
    lock_supported: bool | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> "TaskQueueQueryAdmission | None":
        """Read the admission from a response object; None stays None."""
        if (members := object_or_none(data)) is None:
            return None
        return cls(**{name: members.get(name) for name in cls.__dataclass_fields__})


@dataclass
class TaskQueueAdmission:
    """What a queue may hand out now, by kind of task.

    Attributes:
        workflow_tasks: For workflow tasks.
        activity_tasks: For activity tasks.
        query_tasks: For queries.
        raw: The whole response object.
    """

    workflow_tasks: TaskQueueTaskAdmission | None = None
    activity_tasks: TaskQueueTaskAdmission | None = None
    query_tasks: TaskQueueQueryAdmission | None = None
    raw: dict[str, Any] | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> "TaskQueueAdmission":
        """Read the admission from a response object; None gives one without members."""
        members = object_or_none(data) or {}
        return cls(
            workflow_tasks=TaskQueueTaskAdmission.from_dict(members.get("workflow_tasks")),
            activity_tasks=TaskQueueTaskAdmission.from_dict(members.get("activity_tasks")),
            query_tasks=TaskQueueQueryAdmission.from_dict(members.get("query_tasks")),
            raw=members,
        )


@dataclass
class TaskQueueDescription:
    """A task queue, its workers and its backlog.

    Attributes:
        name: Its name.
        namespace: Its namespace.
        stats: Backlog and counts.
        admission: What it may hand out now; never None when read from a response.
        pollers: The workers that poll it; None in lists.
        current_leases: The tasks that are out; None in lists.
        raw: The whole response object.
    """

    name: str
    namespace: str | None = None
    stats: dict[str, Any] | None = None
    admission: TaskQueueAdmission | None = None
    pollers: list[dict[str, Any]] | None = None
    current_leases: list[dict[str, Any]] | None = None
    raw: dict[str, Any] | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TaskQueueDescription":
        """Read the queue from a response object."""
        return cls(
            name=text(data.get("name")),
            namespace=data.get("namespace"),
            stats=object_or_none(data.get("stats")),
            admission=TaskQueueAdmission.from_dict(data.get("admission")),
            pollers=objects_or_none(data.get("pollers")),
            current_leases=objects_or_none(data.get("current_leases")),
            raw=data,
        )


@dataclass
class TaskQueueList:
    """The task queues of a namespace.

    Attributes:
        namespace: The namespace.
        task_queues: The queues, by name.
    """

    namespace: str | None
    task_queues: list[TaskQueueDescription]


def task_queue_list(data: JsonObject) -> TaskQueueList:
    """Read a list of queues."""
    rows = objects(data.get("task_queues"))
    return TaskQueueList(
        data.get("namespace"), [TaskQueueDescription.from_dict(row) for row in rows]
    )
