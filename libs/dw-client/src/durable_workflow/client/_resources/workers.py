"""Methods about the registry of workers."""

from typing import Any

from durable_workflow.client._call import Call, as_object, reading
from durable_workflow.client._keys import new_key
from durable_workflow.client._results.workers import WorkerDescription, WorkerList, worker_list
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session

_INVALID = "invalid_worker_response"


class WorkerMethods(Session):
    """Registered workers, as an operator sees them."""

    async def list_workers(
        self, task_queue: str | None = None, status: str | None = None
    ) -> WorkerList:
        """List registered workers.

        Args:
            task_queue: Only those of this queue.
            status: Only those of this status.
        """
        return await self._send(
            Call(
                "GET",
                Route.WORKERS,
                reading(worker_list, _INVALID),
                query={"task_queue": task_queue, "status": status},
            )
        )

    async def describe_worker(self, worker_id: str) -> WorkerDescription:
        """Describe a registered worker.

        Args:
            worker_id: Its id.

        Raises:
            WorkerNotFound: None of that id is registered.
        """
        reader = reading(
            lambda data: WorkerDescription.from_dict(data, worker_id=worker_id), _INVALID
        )
        return await self._send(Call("GET", Route.WORKER, reader, path={"worker_id": worker_id}))

    async def deregister_worker(self, worker_id: str) -> dict[str, Any]:
        """Remove a worker from the registry. Tasks that it holds are not interrupted.

        Args:
            worker_id: Its id.

        Raises:
            WorkerNotFound: None of that id is registered.
        """
        return await self._send(
            Call(
                "DELETE",
                Route.WORKER,
                as_object(_INVALID),
                path={"worker_id": worker_id},
                headers=new_key(),
            )
        )
