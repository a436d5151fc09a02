"""Results of calls about registered workers."""

from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.json_values import (
    JsonObject,
    object_or_none,
    objects,
    strings_or_none,
    text,
)


@dataclass
class WorkerDescription:
    """A registered worker.

    Times are strings in UTC.

    Attributes:
        worker_id: Its id.
        task_queue: The queue that it polls.
        runtime: `python`, `php` and so on.
        build_id: Its build; None if it has none.
        status: `active`, `draining` or `stale`.
        supported_workflow_types: What it can run; an empty list is everything.
        supported_activity_types: What it can run; an empty list is everything.
        task_slots: Free and total slots by kind, as last reported.
        process_metrics: Memory, CPU and the like, as last reported.
        heartbeat_interval_seconds: How often it reports.
        raw: The whole response object.
    """

    worker_id: str
    task_queue: str | None = None
    runtime: str | None = None
    namespace: str | None = None
    sdk_version: str | None = None
    build_id: str | None = None
    status: str | None = None
    max_concurrent_workflow_tasks: int | None = None
    max_concurrent_activity_tasks: int | None = None
    supported_workflow_types: list[str] | None = None
    supported_activity_types: list[str] | None = None
    last_heartbeat_at: str | None = None
    registered_at: str | None = None
    updated_at: str | None = None
    task_slots: dict[str, int | None] | None = None
    process_metrics: dict[str, Any] | None = None
    heartbeat_interval_seconds: int | None = None
    raw: dict[str, Any] | None = None

    @classmethod
    def from_dict(
        cls, data: dict[str, Any], *, worker_id: str | None = None
    ) -> "WorkerDescription":
        """Read the worker from a response object.

        Args:
            data: The object.
            worker_id: Id to take where the object has none.
        """
        members: dict[str, Any] = {name: data.get(name) for name in cls.__dataclass_fields__}
        members["worker_id"] = text(data.get("worker_id"), worker_id)
        members["raw"] = data
        for name in ("supported_workflow_types", "supported_activity_types"):
            members[name] = strings_or_none(data.get(name))
        for name in ("task_slots", "process_metrics"):
            members[name] = object_or_none(data.get(name))
        return cls(**members)


@dataclass
class WorkerList:
    """The registered workers of a namespace, most recently heard of first.

    Attributes:
        namespace: The namespace.
        workers: The workers.
        stale_after_seconds: After how long without a heartbeat a worker counts as stale.
    """

    namespace: str | None
    workers: list[WorkerDescription]
    stale_after_seconds: int | None = None


def worker_list(data: JsonObject) -> WorkerList:
    """Read a list of workers."""
    rows = objects(data.get("workers"))
    return WorkerList(
        namespace=data.get("namespace"),
        workers=[WorkerDescription.from_dict(row) for row in rows],
        stale_after_seconds=data.get("stale_after_seconds"),
    )
