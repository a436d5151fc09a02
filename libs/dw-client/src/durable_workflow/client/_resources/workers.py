"""Methods about the registry of workers."""

from typing import Any

from durable_workflow.client._calls import workers
from durable_workflow.client._results.workers import WorkerDescription, WorkerList
from durable_workflow.client._session import Session


class WorkerMethods(Session):
    """Registered workers, as an operator sees them."""

    async def list_workers(
        self, *, task_queue: str | None = None, status: str | None = None
    ) -> WorkerList:
        """List registered workers.

        Args:
            task_queue: Only those of this queue.
            status: Only those of this status.
        """
        return await self._send(workers.list_(task_queue=task_queue, status=status))

    async def describe_worker(self, worker_id: str) -> WorkerDescription:
        """Describe a registered worker.

        Args:
            worker_id: Its id.

        Raises:
            WorkerNotFound: None of that id is registered.
        """
        return await self._send(workers.describe(worker_id))

    async def deregister_worker(self, worker_id: str) -> dict[str, Any]:
        """Remove a worker from the registry. Tasks that it holds are not interrupted.

        Args:
            worker_id: Its id.

        Raises:
            WorkerNotFound: None of that id is registered.
        """
        return await self._send(workers.deregister(worker_id))
