"""Results of calls about the builds of a task queue."""

from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.json_values import (
    count,
    object_or_none,
    objects,
    objects_or_none,
    strings,
    text,
)


@dataclass
class TaskQueueBuildIdCohort:
    """The workers of one build on one queue.

    Attributes:
        build_id: The build; None for workers without one.
        rollout_status: `active`, `active_with_draining`, `draining`, `stale_only` or `no_workers`.
        active_worker_count: Workers that take new tasks.
        draining_worker_count: Workers that only finish what they have.
        stale_worker_count: Workers that have not been heard of.
        total_worker_count: All of them.
        runtimes: Runtimes among them.
        sdk_versions: SDK versions among them.
        drain_intent: What was asked for: `active` or `draining`.
        new_start_selected: Whether fresh workflows go to this build.
        workflow_definition_fingerprint_count: Distinct definitions among them.
        workflow_definition_fingerprint_conflicts: Workflow types with more than one definition.
        raw: The whole response object.
    """

    build_id: str | None
    rollout_status: str
    active_worker_count: int
    draining_worker_count: int
    stale_worker_count: int
    total_worker_count: int
    runtimes: list[str]
    sdk_versions: list[str]
    last_heartbeat_at: str | None = None
    first_seen_at: str | None = None
    drain_intent: str | None = None
    drained_at: str | None = None
    promoted_at: str | None = None
    rolled_back_at: str | None = None
    new_start_selected: bool = False
    workflow_definition_fingerprint_count: int = 0
    workflow_definition_fingerprint_conflicts: list[dict[str, Any]] | None = None
    raw: dict[str, Any] | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TaskQueueBuildIdCohort":
        """Read the cohort from a response object."""
        return cls(
            build_id=data.get("build_id"),
            rollout_status=text(data.get("rollout_status")),
            active_worker_count=count(data.get("active_worker_count")),
            draining_worker_count=count(data.get("draining_worker_count")),
            stale_worker_count=count(data.get("stale_worker_count")),
            total_worker_count=count(data.get("total_worker_count")),
            runtimes=strings(data.get("runtimes")),
            sdk_versions=strings(data.get("sdk_versions")),
            last_heartbeat_at=data.get("last_heartbeat_at"),
            first_seen_at=data.get("first_seen_at"),
            drain_intent=data.get("drain_intent"),
            drained_at=data.get("drained_at"),
            promoted_at=data.get("promoted_at"),
            rolled_back_at=data.get("rolled_back_at"),
            new_start_selected=bool(data.get("new_start_selected")),
            workflow_definition_fingerprint_count=count(
                data.get("workflow_definition_fingerprint_count")
            ),
            workflow_definition_fingerprint_conflicts=objects_or_none(
                data.get("workflow_definition_fingerprint_conflicts")
            ),
            raw=data,
        )


@dataclass
class TaskQueueBuildIdRollout:
    """All builds on one queue.

    Attributes:
        namespace: The namespace.
        task_queue: The queue.
        stale_after_seconds: After how long without a heartbeat a worker counts as stale.
        build_ids: One cohort for each build.
    """

    namespace: str | None
    task_queue: str
    stale_after_seconds: int | None
    build_ids: list[TaskQueueBuildIdCohort]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TaskQueueBuildIdRollout":
        """Read the rollout from a response object."""
        cohorts = objects(data.get("build_ids"))
        return cls(
            namespace=data.get("namespace"),
            task_queue=text(data.get("task_queue")),
            stale_after_seconds=data.get("stale_after_seconds"),
            build_ids=[TaskQueueBuildIdCohort.from_dict(cohort) for cohort in cohorts],
        )


@dataclass
class TaskQueueBuildIdRolloutState:
    """What was decided about one build on one queue.

    Attributes:
        namespace: The namespace.
        task_queue: The queue.
        build_id: The build; None for workers without one.
        drain_intent: `active` or `draining`.
        drained_at: When it was first asked to drain; None once resumed.
        promoted_at: When fresh workflows were sent to it.
        rolled_back_at: When they were taken from it.
        new_start_selected: Whether fresh workflows go to it.
        deployment: The deployment that this belongs to, on servers that have them.
        raw: The whole response object.
    """

    namespace: str | None
    task_queue: str
    build_id: str | None
    drain_intent: str
    drained_at: str | None
    promoted_at: str | None = None
    rolled_back_at: str | None = None
    new_start_selected: bool = False
    deployment: dict[str, Any] | None = None
    raw: dict[str, Any] | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TaskQueueBuildIdRolloutState":
        """Read the state from a response object."""
        return cls(
            namespace=data.get("namespace"),
            task_queue=text(data.get("task_queue")),
            build_id=data.get("build_id"),
            drain_intent=text(data.get("drain_intent")),
            drained_at=data.get("drained_at"),
            promoted_at=data.get("promoted_at"),
            rolled_back_at=data.get("rolled_back_at"),
            new_start_selected=bool(data.get("new_start_selected")),
            deployment=object_or_none(data.get("deployment")),
            raw=data,
        )
