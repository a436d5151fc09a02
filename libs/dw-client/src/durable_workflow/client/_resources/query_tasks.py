"""Methods about query tasks. Applications use `Worker`, which calls these."""

from typing import Any

from durable_workflow._meet import Lease
from durable_workflow._wire.json_values import present
from durable_workflow.client import _worker_calls as worker_calls
from durable_workflow.client._arguments import Seconds
from durable_workflow.client._session import Session
from durable_workflow.external_storage import ExternalStorageDriver
from durable_workflow.serializer._plain import beside_its_envelope


class QueryTaskMethods(Session):
    """Query tasks: poll, complete or fail."""

    async def poll_query_task(
        self,
        *,
        worker_id: str,
        task_queue: str,
        timeout: Seconds = 35.0,
        session: str | None = None,
    ) -> Any:
        """Wait for a query task; otherwise as `poll_workflow_task`.

        Args:
            worker_id: Id of the worker.
            task_queue: The queue.
            timeout: Seconds of one request; longer than the server holds a poll.
            session: Which of the processes under this id it is (extension `held_tasks`).

        Returns:
            The task, or None when there was none.
        """
        body = present(worker_id=worker_id, task_queue=task_queue, session=session)
        return await self._send(worker_calls.poll("query", body, timeout=timeout))

    async def complete_query_task(
        self,
        *,
        query_task_id: str,
        lease_owner: str,
        query_task_attempt: int,
        result: Any,
        codec: str = "avro",
        workflow_id: str | None = None,
        run_id: str | None = None,
        query_name: str | None = None,
        external_storage: ExternalStorageDriver | None = None,
        external_storage_threshold_bytes: int | None = None,
    ) -> Any:
        """Send the result of a query.

        Args:
            query_task_id: The task.
            lease_owner: The worker that holds it.
            query_task_attempt: The attempt that it holds.
            result: The result. JSON must be able to carry it.
            codec: Codec of its envelope.
            workflow_id: Named in the warning about a large result.
            run_id: Named in the warning about a large result.
            query_name: Named in the warning about a large result.
            external_storage: In place of the client's own driver.
            external_storage_threshold_bytes: In place of the client's own threshold.

        Returns:
            The parsed response.

        Raises:
            TypeError: JSON cannot carry the result. Nothing was sent.
        """
        envelope = await self._payloads.encode(
            result,
            self._payload_context(
                "query_result", workflow_id=workflow_id, run_id=run_id, query_name=query_name
            ),
            codec=codec,
            external_storage=external_storage,
            external_storage_threshold_bytes=external_storage_threshold_bytes,
        )
        lease = Lease("query", query_task_id, query_task_attempt, lease_owner)
        # The plain result is sent even if it is null: its key says that the query succeeded.
        body = {"result": beside_its_envelope(result, envelope), "result_envelope": envelope}
        return await self._send(worker_calls.about_task(lease, "complete", body))

    async def fail_query_task(
        self,
        *,
        query_task_id: str,
        lease_owner: str,
        query_task_attempt: int,
        message: str,
        reason: str = "query_rejected",
        failure_type: str | None = None,
        stack_trace: str | None = None,
    ) -> Any:
        """Report that a query failed or was refused.

        Args:
            query_task_id: The task.
            lease_owner: The worker that holds it.
            query_task_attempt: The attempt that it holds.
            message: What went wrong.
            reason: The word that the caller's `QueryFailed` will have.
            failure_type: Name of the error.
            stack_trace: Where it came from.

        Returns:
            The parsed response.
        """
        failure = worker_calls.failure(message, failure_type, stack_trace, reason=reason)
        lease = Lease("query", query_task_id, query_task_attempt, lease_owner)
        return await self._send(worker_calls.about_task(lease, "fail", {"failure": failure}))
