"""The handle of a standalone activity."""

from typing import Any, overload

import durable_workflow
from durable_workflow.client._arguments import Result, Seconds
from durable_workflow.client._results.activities import StandaloneActivityExecution

# Type hints name `durable_workflow.Client`, because the module of `Client` imports this one.


class StandaloneActivityHandle:
    """A standalone activity.

    Attributes:
        activity_id: Its id.
        workflow_run_id: Its host run, where known.
        activity_execution_id: Its execution, where known.
        workflow_type: Type of its host workflow, where known.
        activity_type: Its type, where known.
    """

    def __init__(
        self,
        client: "durable_workflow.Client",
        activity_id: str,
        *,
        workflow_run_id: str | None = None,
        activity_execution_id: str | None = None,
        workflow_type: str = "",
        activity_type: str = "",
    ) -> None:
        self._client = client
        self.activity_id = activity_id
        self.workflow_run_id = workflow_run_id
        self.activity_execution_id = activity_execution_id
        self.workflow_type = workflow_type
        self.activity_type = activity_type

    def __repr__(self) -> str:
        return (
            f"StandaloneActivityHandle(activity_id={self.activity_id!r}, "
            f"activity_type={self.activity_type!r})"
        )

    async def describe(self) -> StandaloneActivityExecution:
        """Describe the activity. See `Client.describe_activity`."""
        return await self._client.describe_activity(self.activity_id)

    @overload
    async def result(
        self,
        *,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        result_type: type[Result],
    ) -> Result: ...
    @overload
    async def result(
        self,
        *,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        result_type: Any = None,
    ) -> Any: ...
    async def result(
        self,
        *,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        result_type: Any = None,
    ) -> Any:
        """Wait for the decoded result. See `Client.get_activity_result`."""
        # Fakes that were written against the published client do not take it.
        asked: dict[str, Any] = {} if result_type is None else {"result_type": result_type}
        return await self._client.get_activity_result(
            self, poll_interval=poll_interval, timeout=timeout, **asked
        )

    async def cancel(self, *, reason: str | None = None) -> None:
        """Cancel the activity, through the workflow that hosts it."""
        await self._client.cancel_workflow(self.activity_id, reason=reason)
