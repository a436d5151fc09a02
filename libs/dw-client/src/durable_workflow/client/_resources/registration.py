"""Methods by which a worker makes itself known. Applications use `Worker`, which calls these."""

from typing import Any

from durable_workflow.client._calls import worker_plane
from durable_workflow.client._session import Session


class RegistrationMethods(Session):
    """A worker makes itself known, and stays known."""

    async def register_worker(
        self,
        *,
        worker_id: str,
        task_queue: str,
        supported_workflow_types: list[str] | None = None,
        workflow_definition_fingerprints: dict[str, str] | None = None,
        supported_activity_types: list[str] | None = None,
        max_concurrent_workflow_tasks: int | None = None,
        max_concurrent_activity_tasks: int | None = None,
        runtime: str = "python",
        sdk_version: str | None = None,
        build_id: str | None = None,
        capabilities: list[str] | None = None,
        task_slots: dict[str, int] | None = None,
        process_metrics: dict[str, Any] | None = None,
        heartbeat_interval_seconds: int | None = None,
    ) -> Any:
        """Announce a worker and what it can run. Done again, it replaces what was said before.

        Args:
            worker_id: Its id.
            task_queue: The queue that it polls.
            supported_workflow_types: What it can run; none named is everything.
            workflow_definition_fingerprints: Workflow type to a digest of its definition.
            supported_activity_types: What it can run; none named is everything.
            max_concurrent_workflow_tasks: Slots, 1 or more.
            max_concurrent_activity_tasks: Slots, 1 or more.
            runtime: Its runtime.
            sdk_version: Its SDK; None is this one.
            build_id: Its build.
            capabilities: What it can do beside the protocol; empty names are dropped.
            task_slots: Free slots by kind.
            process_metrics: Memory, CPU and the like.
            heartbeat_interval_seconds: How often it would like to report.

        Returns:
            The parsed reply.

        Raises:
            ValueError: A number of slots is less than 1.
        """
        return await self._send(
            worker_plane.register(
                worker_id=worker_id,
                task_queue=task_queue,
                supported_workflow_types=supported_workflow_types,
                workflow_definition_fingerprints=workflow_definition_fingerprints,
                supported_activity_types=supported_activity_types,
                max_concurrent_workflow_tasks=max_concurrent_workflow_tasks,
                max_concurrent_activity_tasks=max_concurrent_activity_tasks,
                runtime=runtime,
                sdk_version=sdk_version,
                build_id=build_id,
                capabilities=capabilities,
                task_slots=task_slots,
                process_metrics=process_metrics,
                heartbeat_interval_seconds=heartbeat_interval_seconds,
            )
        )

    async def heartbeat_worker(
        self,
        *,
        worker_id: str,
        task_slots: dict[str, int] | None = None,
        process_metrics: dict[str, Any] | None = None,
        heartbeat_interval_seconds: int | None = None,
    ) -> Any:
        """Say that a worker is alive.

        Args:
            worker_id: Its id.
            task_slots: Free slots by kind.
            process_metrics: Memory, CPU and the like.
            heartbeat_interval_seconds: How often it would like to report.

        Returns:
            The parsed reply.
        """
        return await self._send(
            worker_plane.heartbeat(
                worker_id=worker_id,
                task_slots=task_slots,
                process_metrics=process_metrics,
                heartbeat_interval_seconds=heartbeat_interval_seconds,
            )
        )
