"""Methods about query tasks. Applications use `Worker`, which calls these."""

from typing import Any

from durable_workflow._meet import Lease
from durable_workflow._wire.json_values import present
from durable_workflow.client._calls import worker_plane
from durable_workflow.client._payload_session import PayloadSession
from durable_workflow.external_storage import ExternalStorageDriver


class QueryTaskMethods(PayloadSession):
    """Query tasks: poll, answer or refuse."""

    async def poll_query_task(
        self,
        *,
        worker_id: str,
        task_queue: str,
        timeout: float = 35.0,
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
        return await self._send(worker_plane.poll("query", body, timeout=timeout))

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
        """Answer a query.

        Args:
            query_task_id: The task.
            lease_owner: The worker that holds it.
            query_task_attempt: The attempt that it holds.
            result: The answer; it has to be what JSON can carry.
            codec: Codec of its envelope.
            workflow_id: Named in the warning about a large answer.
            run_id: Named in the warning about a large answer.
            query_name: Named in the warning about a large answer.
            external_storage: In place of the client's own driver.
            external_storage_threshold_bytes: In place of the client's own threshold.

        Returns:
            The parsed reply.

        Raises:
            TypeError: JSON cannot carry the answer. Nothing was sent.
        """
        envelope = await self._sealed(
            result,
            self._about(
                "query_result", workflow_id=workflow_id, run_id=run_id, query_name=query_name
            ),
            codec=codec,
            external_storage=external_storage,
            external_storage_threshold_bytes=external_storage_threshold_bytes,
        )
        lease = Lease("query", query_task_id, query_task_attempt, lease_owner)
        # Plain too, even where it is null: the key is what says that there is an answer.
        body = {"result": result, "result_envelope": envelope}
        return await self._send(worker_plane.about_task(lease, "complete", body))

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
        """Refuse a query, or say why it has no answer.

        Args:
            query_task_id: The task.
            lease_owner: The worker that holds it.
            query_task_attempt: The attempt that it holds.
            message: What went wrong.
            reason: The word that the caller's `QueryFailed` will have.
            failure_type: Name of the error.
            stack_trace: Where it came from.

        Returns:
            The parsed reply.
        """
        failure = worker_plane.failure(message, failure_type, stack_trace, reason=reason)
        lease = Lease("query", query_task_id, query_task_attempt, lease_owner)
        return await self._send(worker_plane.about_task(lease, "fail", {"failure": failure}))
