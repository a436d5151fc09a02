"""The handle of a workflow."""

from typing import Any, overload

import durable_workflow
from durable_workflow.client._arguments import Result, Seconds, WholeSeconds
from durable_workflow.client._results.workflows import (
    WorkflowCommandResult,
    WorkflowExecution,
    WorkflowRun,
    WorkflowRunList,
)

# Type hints name `durable_workflow.Client`, because the module of `Client` imports this one.


class WorkflowHandle:
    """A workflow, and optionally one run of it.

    `result`, the histories, `debug` and `describe_run` are about that run, if there is one. All
    other methods are about the newest run.

    Attributes:
        workflow_id: Id of the workflow.
        run_id: The run; None is the newest.
        workflow_type: Its type, where known.
    """

    def __init__(
        self,
        client: "durable_workflow.Client",
        workflow_id: str,
        run_id: str | None = None,
        workflow_type: str = "",
    ) -> None:
        self._client = client
        self.workflow_id = workflow_id
        self.run_id = run_id
        self.workflow_type = workflow_type

    def __repr__(self) -> str:
        return (
            f"WorkflowHandle(workflow_id={self.workflow_id!r}, run_id={self.run_id!r}, "
            f"workflow_type={self.workflow_type!r})"
        )

    @overload
    async def result(
        self,
        *,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        follow_runs: bool = True,
        result_type: type[Result],
    ) -> Result: ...
    @overload
    async def result(
        self,
        *,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        follow_runs: bool = True,
        result_type: Any = None,
    ) -> Any: ...
    async def result(
        self,
        *,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        follow_runs: bool = True,
        result_type: Any = None,
    ) -> Any:
        """Wait for the workflow to end, and return its decoded output. See `Client.get_result`."""
        return await self._client.get_result(
            self,
            poll_interval=poll_interval,
            timeout=timeout,
            **_added(follow_runs=(follow_runs, True), result_type=(result_type, None)),
        )

    async def describe(self) -> WorkflowExecution:
        """Describe the newest run. See `Client.describe_workflow`."""
        return await self._client.describe_workflow(self.workflow_id)

    async def get_history(self) -> Any:
        """Read the recorded events of the run. See `Client.get_history`.

        Raises:
            ValueError: The handle has no run id.
        """
        return await self._client.get_history(self.workflow_id, self._run())

    async def export_history(self) -> Any:
        """Read the history of the run as a bundle. See `Client.export_history`.

        Raises:
            ValueError: The handle has no run id.
        """
        return await self._client.export_history(self.workflow_id, self._run())

    async def list_runs(self) -> WorkflowRunList:
        """List all runs. See `Client.list_workflow_runs`."""
        return await self._client.list_workflow_runs(self.workflow_id)

    async def debug(self) -> dict[str, Any]:
        """Ask why the run does not go on. See `Client.debug_workflow`."""
        if self.run_id is None:
            return await self._client.debug_workflow(self.workflow_id)
        return await self._client.debug_workflow_run(self.workflow_id, self.run_id)

    async def describe_run(self, run_id: str | None = None) -> WorkflowRun:
        """Describe one run in full. See `Client.describe_workflow_run`.

        Args:
            run_id: The run; None is that of the handle.

        Raises:
            ValueError: Neither is known.
        """
        return await self._client.describe_workflow_run(self.workflow_id, run_id or self._run())

    async def signal(
        self,
        signal_name: str,
        args: list[Any] | None = None,
        *,
        request_id: str | None = None,
    ) -> None:
        """Send a signal. See `Client.signal_workflow`."""
        await self._client.signal_workflow(
            self.workflow_id, signal_name, args=args, **_added(request_id=(request_id, None))
        )

    @overload
    async def query(
        self,
        query_name: str,
        args: list[Any] | None = None,
        *,
        result_type: type[Result],
    ) -> Result: ...
    @overload
    async def query(
        self,
        query_name: str,
        args: list[Any] | None = None,
        *,
        raw: bool = False,
        result_type: Any = None,
    ) -> Any: ...
    async def query(
        self,
        query_name: str,
        args: list[Any] | None = None,
        *,
        raw: bool = False,
        result_type: Any = None,
    ) -> Any:
        """Send a query, and return its decoded result. See `Client.query_workflow`."""
        return await self._client.query_workflow(
            self.workflow_id,
            query_name,
            args=args,
            **_added(raw=(raw, False), result_type=(result_type, None)),
        )

    async def cancel(self, reason: str | None = None) -> None:
        """Cancel the workflow. See `Client.cancel_workflow`."""
        await self._client.cancel_workflow(self.workflow_id, reason=reason)

    async def terminate(self, reason: str | None = None) -> None:
        """End the workflow at once. See `Client.terminate_workflow`."""
        await self._client.terminate_workflow(self.workflow_id, reason=reason)

    async def repair(self) -> WorkflowCommandResult:
        """Give the run the task that it needs to go on. See `Client.repair_workflow`."""
        return await self._client.repair_workflow(self.workflow_id)

    async def archive(self, *, reason: str | None = None) -> WorkflowCommandResult:
        """Exempt the closed run from retention. See `Client.archive_workflow`."""
        return await self._client.archive_workflow(self.workflow_id, reason=reason)

    async def update(
        self,
        update_name: str,
        args: list[Any] | None = None,
        *,
        wait_for: str | None = None,
        wait_timeout_seconds: WholeSeconds | None = None,
        request_id: str | None = None,
        raw: bool = False,
        result_type: Any = None,
    ) -> Any:
        """Send an update, and return its decoded result. See `Client.update_workflow`."""
        return await self._client.update_workflow(
            self.workflow_id,
            update_name,
            args=args,
            wait_for=wait_for,
            wait_timeout_seconds=wait_timeout_seconds,
            request_id=request_id,
            **_added(raw=(raw, False), result_type=(result_type, None)),
        )

    def _run(self) -> str:
        if not self.run_id:
            raise ValueError(f"the handle of workflow {self.workflow_id} has no run id")
        return self.run_id


def _added(**arguments: tuple[Any, Any]) -> dict[str, Any]:
    """Those of our own arguments that differ from their defaults.

    The published client does not have them. Subclasses and fakes that were written against it
    would not accept them.

    Args:
        arguments: By name, what was given and the default.
    """
    return {name: given for name, (given, default) in arguments.items() if given != default}
