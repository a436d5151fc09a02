"""Methods about the registration of workers. Applications use `Worker`, which calls these."""

from typing import Any

from durable_workflow._protocol import DEFAULT_SDK_VERSION
from durable_workflow._wire.json_values import present
from durable_workflow.client import _worker_calls as worker_calls
from durable_workflow.client._session import Session


class RegistrationMethods(Session):
    """Registration of workers: register, heartbeat, release."""

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
        session: str | None = None,
    ) -> Any:
        """Register a worker and what it can run. Registering again replaces that.

        Args:
            worker_id: Its id.
            task_queue: The queue that it polls.
            supported_workflow_types: Workflow types that it can run; an empty list is all.
            workflow_definition_fingerprints: Workflow type to a digest of its definition.
            supported_activity_types: Activity types that it can run; an empty list is all.
            max_concurrent_workflow_tasks: Slots, 1 or more.
            max_concurrent_activity_tasks: Slots, 1 or more.
            runtime: Its runtime.
            sdk_version: Its SDK; None is this one.
            build_id: Its build.
            capabilities: What it can do beside the protocol; empty names are dropped.
            task_slots: Free slots by kind.
            process_metrics: Memory, CPU and the like.
            heartbeat_interval_seconds: How often it would like to report.
            session: Which of the processes under this id it is (extension `held_tasks`).

        Returns:
            The parsed response.

        Raises:
            ValueError: A number of slots is less than 1.
        """
        if capabilities is not None:
            capabilities = [capability for capability in capabilities if capability]
        body = present(
            worker_id=worker_id,
            task_queue=task_queue,
            runtime=runtime,
            sdk_version=sdk_version or DEFAULT_SDK_VERSION,
            supported_workflow_types=supported_workflow_types or [],
            supported_activity_types=supported_activity_types or [],
            workflow_definition_fingerprints=workflow_definition_fingerprints,
            capabilities=capabilities,
            build_id=build_id,
            max_concurrent_workflow_tasks=max_concurrent_workflow_tasks,
            max_concurrent_activity_tasks=max_concurrent_activity_tasks,
            task_slots=task_slots,
            process_metrics=process_metrics,
            heartbeat_interval_seconds=heartbeat_interval_seconds,
            session=session,
        )
        return await self._send(worker_calls.register(body))

    async def heartbeat_worker(
        self,
        *,
        worker_id: str,
        task_slots: dict[str, int] | None = None,
        process_metrics: dict[str, Any] | None = None,
        heartbeat_interval_seconds: int | None = None,
        session: str | None = None,
        held_tasks: list[dict[str, Any]] | None = None,
        wait_seconds: int | None = None,
    ) -> Any:
        """Say that a worker is alive.

        The last three belong to the extension `held_tasks`.

        Args:
            worker_id: Its id.
            task_slots: Free slots by kind.
            process_metrics: Memory, CPU and the like.
            heartbeat_interval_seconds: How often it would like to report.
            session: Which of the processes under this id it is.
            held_tasks: What it works on: objects with `kind`, `task_id` and `attempt`. Their leases
                are renewed.
            wait_seconds: How long the server may hold the response.

        Returns:
            The parsed response; `dropped` lists what of `held_tasks` is not this worker's any more.
        """
        body = present(
            worker_id=worker_id,
            task_slots=task_slots or None,
            process_metrics=process_metrics or None,
            heartbeat_interval_seconds=heartbeat_interval_seconds,
            session=session,
            held_tasks=held_tasks,
            wait_seconds=wait_seconds,
        )
        return await self._send(worker_calls.heartbeat(body))

    async def release_worker(self, *, worker_id: str, session: str) -> Any:
        """Say that a worker has ended: what it holds is free at once (extension `deregister`).

        It is the worker's own goodbye; `deregister_worker` is for operators.

        Args:
            worker_id: Its id.
            session: Which of the processes under this id it was.

        Returns:
            The parsed response.
        """
        return await self._send(worker_calls.release(present(worker_id=worker_id, session=session)))
