"""Methods about workflow tasks. Applications use `Worker`, which calls these."""

from typing import Any

from durable_workflow._meet import Lease
from durable_workflow._wire.json_values import JsonObject, present
from durable_workflow.client import _worker_calls as worker_calls
from durable_workflow.client._arguments import Seconds
from durable_workflow.client._session import Session


class WorkflowTaskMethods(Session):
    """Workflow tasks: poll, fetch history, renew, complete or fail."""

    async def poll_workflow_task(
        self,
        *,
        worker_id: str,
        task_queue: str,
        timeout: Seconds = 35.0,
        session: str | None = None,
    ) -> Any:
        """Wait for a workflow task.

        A poll that times out is sent once more with the same id. If the first one leased a task
        whose response was lost, the second one returns that task.

        Args:
            worker_id: Id of the worker.
            task_queue: The queue.
            timeout: Seconds of one request; longer than the server holds a poll.
            session: Which of the processes under this id it is (extension `held_tasks`).

        Returns:
            The task, or None when there was none.
        """
        body = present(worker_id=worker_id, task_queue=task_queue, session=session)
        return await self._send(worker_calls.poll("workflow", body, timeout=timeout))

    async def workflow_task_history(
        self,
        *,
        task_id: str,
        next_history_page_token: str | None = None,
        page_token: str | None = None,
        lease_owner: str,
        workflow_task_attempt: int,
    ) -> Any:
        """Fetch a further page of the history of a leased workflow task.

        Args:
            task_id: The task.
            next_history_page_token: The token that the page before came with.
            page_token: The same, under its older name.
            lease_owner: The worker that holds the task.
            workflow_task_attempt: The attempt that it holds.

        Returns:
            The parsed response, with `history_events`, `total_history_events` and
            `next_history_page_token`.

        Raises:
            ValueError: There is no token, or two different ones.
        """
        token = next_history_page_token or page_token
        if not token:
            raise ValueError("workflow_task_history needs next_history_page_token")
        if page_token is not None and page_token != token:
            raise ValueError("next_history_page_token and page_token differ")
        lease = Lease("workflow", task_id, workflow_task_attempt, lease_owner)
        body = {"next_history_page_token": token}
        return await self._send(worker_calls.about_task(lease, "history", body))

    async def heartbeat_workflow_task(
        self, *, task_id: str, lease_owner: str, workflow_task_attempt: int
    ) -> Any:
        """Renew the lease of a workflow task that takes long.

        Args:
            task_id: The task.
            lease_owner: The worker that holds it.
            workflow_task_attempt: The attempt that it holds.

        Returns:
            The parsed response.
        """
        lease = Lease("workflow", task_id, workflow_task_attempt, lease_owner)
        return await self._send(worker_calls.about_task(lease, "heartbeat", {}))

    async def complete_workflow_task(
        self,
        *,
        task_id: str,
        lease_owner: str,
        workflow_task_attempt: int,
        commands: list[dict[str, Any]],
        keep_history: bool = False,
    ) -> Any:
        """Hand in the commands of a workflow task.

        Args:
            task_id: The task.
            lease_owner: The worker that holds it.
            workflow_task_attempt: The attempt that it holds.
            commands: What the workflow asked for, in order.
            keep_history: The worker keeps what it replayed, so the run's next task need only hold
                what is new. Only for a server that offers the extension `sticky_history`.

        Returns:
            The parsed response.
        """
        lease = Lease("workflow", task_id, workflow_task_attempt, lease_owner)
        body: JsonObject = {"commands": commands}
        if keep_history:  # absent for every server that did not offer the extension
            body["keep_history"] = True
        return await self._send(worker_calls.about_task(lease, "complete", body))

    async def fail_workflow_task(
        self,
        *,
        task_id: str,
        lease_owner: str,
        workflow_task_attempt: int,
        message: str,
        failure_type: str | None = None,
        stack_trace: str | None = None,
    ) -> Any:
        """Report that a workflow task failed. The run stays open, and the task is retried.

        Args:
            task_id: The task.
            lease_owner: The worker that holds it.
            workflow_task_attempt: The attempt that it holds.
            message: What went wrong.
            failure_type: Name of the error.
            stack_trace: Where it came from.

        Returns:
            The parsed response.
        """
        lease = Lease("workflow", task_id, workflow_task_attempt, lease_owner)
        body = {"failure": worker_calls.failure(message, failure_type, stack_trace)}
        return await self._send(worker_calls.about_task(lease, "fail", body))
