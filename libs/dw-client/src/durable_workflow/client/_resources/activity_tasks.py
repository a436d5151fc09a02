"""Methods about activity tasks. Applications use `Worker`, which calls these."""

from typing import Any

from durable_workflow._meet import Lease
from durable_workflow._wire.json_values import present
from durable_workflow.client import _worker_calls as worker_calls
from durable_workflow.client._arguments import Seconds
from durable_workflow.client._session import Session
from durable_workflow.external_storage import ExternalStorageDriver


class ActivityTaskMethods(Session):
    """Activity tasks: poll, report progress, complete or fail."""

    async def poll_activity_task(
        self,
        *,
        worker_id: str,
        task_queue: str,
        timeout: Seconds = 35.0,
        session: str | None = None,
    ) -> Any:
        """Wait for an activity task; otherwise as `poll_workflow_task`.

        Args:
            worker_id: Id of the worker.
            task_queue: The queue.
            timeout: Seconds of one request; longer than the server holds a poll.
            session: Which of the processes under this id it is (extension `held_tasks`).

        Returns:
            The task, or None when there was none.
        """
        body = present(worker_id=worker_id, task_queue=task_queue, session=session)
        return await self._send(worker_calls.poll("activity", body, timeout=timeout))

    async def complete_activity_task(
        self,
        *,
        task_id: str,
        activity_attempt_id: str,
        lease_owner: str,
        result: Any,
        codec: str = "avro",
        activity_name: str | None = None,
        external_storage: ExternalStorageDriver | None = None,
        external_storage_threshold_bytes: int | None = None,
    ) -> Any:
        """Hand in the result of an attempt.

        Args:
            task_id: The task.
            activity_attempt_id: The attempt.
            lease_owner: The worker that holds it.
            result: What the activity returned.
            codec: Codec of its envelope.
            activity_name: Named in the warning about a large result.
            external_storage: In place of the client's own driver.
            external_storage_threshold_bytes: In place of the client's own threshold.

        Returns:
            The parsed response.

        Raises:
            TypeError: The result cannot be encoded. Nothing was sent.
        """
        envelope = await self._payloads.encode(
            result,
            self._payload_context("activity_result", activity_name=activity_name),
            codec=codec,
            external_storage=external_storage,
            external_storage_threshold_bytes=external_storage_threshold_bytes,
        )
        lease = Lease("activity", task_id, activity_attempt_id, lease_owner)
        return await self._send(worker_calls.about_task(lease, "complete", {"result": envelope}))

    async def fail_activity_task(
        self,
        *,
        task_id: str,
        activity_attempt_id: str,
        lease_owner: str,
        message: str,
        failure_type: str | None = None,
        stack_trace: str | None = None,
        non_retryable: bool = False,
        details: Any | None = None,
        codec: str = "avro",
        activity_name: str | None = None,
    ) -> Any:
        """Report that an attempt failed.

        Args:
            task_id: The task.
            activity_attempt_id: The attempt.
            lease_owner: The worker that holds it.
            message: What went wrong.
            failure_type: Name of the error; retry policies name types.
            stack_trace: Where it came from.
            non_retryable: Whether no further attempt should be made.
            details: Data of the application, sent as an envelope.
            codec: Codec of that envelope.
            activity_name: Named in the warning about large details.

        Returns:
            The parsed response.
        """
        failure = worker_calls.failure(message, failure_type, stack_trace)
        if non_retryable:
            failure["non_retryable"] = True
        if details is not None:
            failure["details"] = await self._payloads.encode(
                details,
                self._payload_context("activity_failure_details", activity_name=activity_name),
                codec=codec,
            )
        lease = Lease("activity", task_id, activity_attempt_id, lease_owner)
        return await self._send(worker_calls.about_task(lease, "fail", {"failure": failure}))

    async def heartbeat_activity_task(
        self,
        *,
        task_id: str,
        activity_attempt_id: str,
        lease_owner: str,
        details: dict[str, Any] | None = None,
    ) -> Any:
        """Report progress of an attempt.

        Args:
            task_id: The task.
            activity_attempt_id: The attempt.
            lease_owner: The worker that holds it.
            details: Plain JSON, sent as it is and not as an envelope.

        Returns:
            The parsed response; a truthy `cancel_requested` asks the attempt to stop.
        """
        lease = Lease("activity", task_id, activity_attempt_id, lease_owner)
        return await self._send(
            worker_calls.about_task(lease, "heartbeat", present(details=details))
        )
