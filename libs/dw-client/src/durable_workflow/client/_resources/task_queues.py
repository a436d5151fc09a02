"""Methods about task queues and the builds on them."""

from durable_workflow.client._calls import task_queues
from durable_workflow.client._results.build_ids import (
    TaskQueueBuildIdRollout,
    TaskQueueBuildIdRolloutState,
)
from durable_workflow.client._results.task_queues import TaskQueueDescription, TaskQueueList
from durable_workflow.client._session import Session


class TaskQueueMethods(Session):
    """Task queues: their load, their workers, and which build gets new work."""

    async def list_task_queues(self) -> TaskQueueList:
        """List the task queues of the namespace."""
        return await self._send(task_queues.list_())

    async def describe_task_queue(self, name: str) -> TaskQueueDescription:
        """Describe a queue; one that nobody has used yet is described as empty.

        Args:
            name: Name of the queue.
        """
        return await self._send(task_queues.describe(name))

    async def list_task_queue_build_ids(self, task_queue: str) -> TaskQueueBuildIdRollout:
        """List the builds on a queue, with the workers of each.

        Args:
            task_queue: Name of the queue.
        """
        return await self._send(task_queues.list_build_ids(task_queue))

    async def drain_task_queue_build_id(
        self, task_queue: str, build_id: str | None
    ) -> TaskQueueBuildIdRolloutState:
        """Give no new tasks to a build. Done twice, the first time counts.

        Args:
            task_queue: Name of the queue.
            build_id: The build; None for workers without one.
        """
        return await self._send(task_queues.roll(task_queue, build_id, "drain"))

    async def promote_task_queue_build_id(
        self, task_queue: str, build_id: str | None
    ) -> TaskQueueBuildIdRolloutState:
        """Send workflows that start from now on to a build.

        Args:
            task_queue: Name of the queue.
            build_id: The build; None for workers without one.
        """
        return await self._send(task_queues.roll(task_queue, build_id, "promote"))

    async def resume_task_queue_build_id(
        self, task_queue: str, build_id: str | None
    ) -> TaskQueueBuildIdRolloutState:
        """Take back a drain. Done twice, the second does nothing.

        Args:
            task_queue: Name of the queue.
            build_id: The build; None for workers without one.
        """
        return await self._send(task_queues.roll(task_queue, build_id, "resume"))
