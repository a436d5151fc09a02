"""Methods about task queues and the builds on them."""

from durable_workflow._wire.json_values import object_or_empty
from durable_workflow.client._call import Call, Response, reading
from durable_workflow.client._results.build_ids import (
    TaskQueueBuildIdRollout,
    TaskQueueBuildIdRolloutState,
)
from durable_workflow.client._results.task_queues import (
    TaskQueueDescription,
    TaskQueueList,
    task_queue_list,
)
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session


class TaskQueueMethods(Session):
    """Task queues: their load, their workers, and which build gets new work."""

    async def list_task_queues(self) -> TaskQueueList:
        """List the task queues of the namespace."""
        return await self._send(Call("GET", Route.TASK_QUEUES, _read_list))

    async def describe_task_queue(self, name: str) -> TaskQueueDescription:
        """Describe a queue. One that was never used is described as empty.

        Args:
            name: Name of the queue.
        """
        return await self._send(
            Call(
                "GET",
                Route.TASK_QUEUE,
                reading(TaskQueueDescription.from_dict, "invalid_task_queue_response"),
                path={"task_queue": name},
            )
        )

    async def list_task_queue_build_ids(self, task_queue: str) -> TaskQueueBuildIdRollout:
        """List the builds on a queue, with the workers of each.

        Args:
            task_queue: Name of the queue.
        """
        return await self._send(
            Call(
                "GET",
                Route.BUILD_IDS,
                reading(TaskQueueBuildIdRollout.from_dict, "invalid_task_queue_build_ids_response"),
                path={"task_queue": task_queue},
            )
        )

    async def drain_task_queue_build_id(
        self, task_queue: str, build_id: str | None
    ) -> TaskQueueBuildIdRolloutState:
        """Give no new tasks to a build. Draining it again changes nothing.

        Args:
            task_queue: Name of the queue.
            build_id: The build; None for workers without one.
        """
        return await self._roll(Route.BUILD_ID_DRAIN, task_queue, build_id)

    async def promote_task_queue_build_id(
        self, task_queue: str, build_id: str | None
    ) -> TaskQueueBuildIdRolloutState:
        """Route new workflows to a build.

        Args:
            task_queue: Name of the queue.
            build_id: The build; None for workers without one.
        """
        return await self._roll(Route.BUILD_ID_PROMOTE, task_queue, build_id)

    async def resume_task_queue_build_id(
        self, task_queue: str, build_id: str | None
    ) -> TaskQueueBuildIdRolloutState:
        """Undo a drain. Resuming again changes nothing.

        Args:
            task_queue: Name of the queue.
            build_id: The build; None for workers without one.
        """
        return await self._roll(Route.BUILD_ID_RESUME, task_queue, build_id)

    async def _roll(
        self, route: Route, task_queue: str, build_id: str | None
    ) -> TaskQueueBuildIdRolloutState:
        action = route.rpartition("/")[2]
        return await self._send(
            Call(
                "POST",
                route,
                reading(
                    TaskQueueBuildIdRolloutState.from_dict,
                    f"invalid_task_queue_build_id_{action}_response",
                ),
                path={"task_queue": task_queue},
                body={"build_id": build_id},
            )
        )


def _read_list(response: Response) -> TaskQueueList:
    # Servers without queues have sent no body, so any body is accepted.
    return task_queue_list(object_or_empty(response.body))
