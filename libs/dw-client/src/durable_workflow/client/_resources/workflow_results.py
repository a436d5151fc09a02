"""Waiting for the result of a workflow."""

from typing import Any

from durable_workflow.client._away import is_away, why_away
from durable_workflow.client._handles import WorkflowHandle
from durable_workflow.client._run_ends import Continued, Raised, Returned
from durable_workflow.client._run_wait import RunWait
from durable_workflow.client._session import Session
from durable_workflow.errors import WorkflowContinuedAsNew


class WorkflowResultMethods(Session):
    """Wait for a workflow to end."""

    async def get_result(
        self,
        handle: WorkflowHandle,
        *,
        poll_interval: float = 0.5,
        timeout: float = 30.0,
        follow_runs: bool = True,
    ) -> Any:
        """Wait for a workflow to end, and return its decoded output.

        With a run id in the handle it waits for that run, otherwise for the newest one.

        Args:
            handle: The workflow.
            poll_interval: Seconds between two questions to a server that does not hold responses.
            timeout: Seconds to wait; the server is asked once at least.
            follow_runs: Whether to go on to the run that a run continued as.

        Raises:
            WorkflowFailed: It failed.
            WorkflowTimedOut: One of its own timeouts passed. A `WorkflowFailed`.
            WorkflowTerminated: It was terminated.
            WorkflowCancelled: It was cancelled. A BaseException.
            WorkflowContinuedAsNew: It continued as a new run, and `follow_runs` is False.
            WorkflowNotFound: There is no such workflow or run.
            TimeoutError: It is still open after `timeout`, or the server could not be reached in
                that time.
        """
        wait = RunWait(
            self._send,
            self._holds,
            self._outlasting,
            workflow_id=handle.workflow_id,
            run_id=handle.run_id,
            timeout=timeout,
            poll_interval=poll_interval,
        )
        late = f"workflow {handle.workflow_id} did not finish within {timeout} s"
        while True:
            try:
                end = await wait.end()
            except Exception as problem:
                if wait.remaining > 0 or not is_away(problem):
                    raise
                raise TimeoutError(f"{late}: {why_away(problem)}") from problem
            match end:
                case Returned():
                    return await self._value_of(end)
                case Raised(error):
                    raise error
                case Continued(successor):
                    if not follow_runs:
                        raise WorkflowContinuedAsNew(
                            handle.workflow_id, successor, run_id=wait.run_id
                        )
                    wait.follow(successor)
                    if successor is not None:
                        continue
                    # The server does not name the successor. It is the newest run, or soon will be.
                    await wait.pause()
                case None:
                    pass  # still open, after one poll interval
            if wait.remaining <= 0:
                raise TimeoutError(late)

    async def _value_of(self, returned: Returned) -> Any:
        if returned.payload is None:
            return returned.value
        [value] = await self._payloads.decode([returned.payload], returned.codec)
        return value
