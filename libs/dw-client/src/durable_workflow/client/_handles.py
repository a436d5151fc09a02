"""Handles: an id with the methods of the client that are about it."""

from collections.abc import AsyncIterator
from typing import Any

import durable_workflow
from durable_workflow.client._results.activities import StandaloneActivityExecution
from durable_workflow.client._results.schedules import (
    ScheduleAction,
    ScheduleBackfillResult,
    ScheduleDescription,
    ScheduleHistoryEvent,
    ScheduleHistoryPage,
    ScheduleSpec,
    ScheduleTriggerResult,
)
from durable_workflow.client._results.workflows import (
    WorkflowCommandResult,
    WorkflowExecution,
    WorkflowRun,
    WorkflowRunList,
)

# The client is named as users name it, and found when a type hint is asked for: its own module
# imports this one.


class WorkflowHandle:
    """A workflow, and perhaps one run of it.

    Result and history are about the run, if the handle has one. What describes, signals, queries,
    updates, cancels or terminates goes to the newest run.

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

    async def result(
        self, *, poll_interval: float = 0.5, timeout: float = 30.0, follow_runs: bool = True
    ) -> Any:
        """Wait for the workflow to end, and return its decoded output. See `Client.get_result`."""
        return await self._client.get_result(
            self,
            poll_interval=poll_interval,
            timeout=timeout,
            **_added(follow_runs=(follow_runs, True)),
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

    async def query(
        self, query_name: str, args: list[Any] | None = None, *, raw: bool = False
    ) -> Any:
        """Ask a query, and return its decoded answer. See `Client.query_workflow`."""
        return await self._client.query_workflow(
            self.workflow_id, query_name, args=args, **_added(raw=(raw, False))
        )

    async def cancel(self, *, reason: str | None = None) -> None:
        """Cancel the workflow. See `Client.cancel_workflow`."""
        await self._client.cancel_workflow(self.workflow_id, reason=reason)

    async def terminate(self, *, reason: str | None = None) -> None:
        """End the workflow without asking its code. See `Client.terminate_workflow`."""
        await self._client.terminate_workflow(self.workflow_id, reason=reason)

    async def repair(self) -> WorkflowCommandResult:
        """Make sure that the run has the task that it needs. See `Client.repair_workflow`."""
        return await self._client.repair_workflow(self.workflow_id)

    async def archive(self, *, reason: str | None = None) -> WorkflowCommandResult:
        """Keep the closed run. See `Client.archive_workflow`."""
        return await self._client.archive_workflow(self.workflow_id, reason=reason)

    async def update(
        self,
        update_name: str,
        args: list[Any] | None = None,
        *,
        wait_for: str | None = None,
        wait_timeout_seconds: int | None = None,
        request_id: str | None = None,
        raw: bool = False,
    ) -> Any:
        """Send an update, and return its decoded result. See `Client.update_workflow`."""
        return await self._client.update_workflow(
            self.workflow_id,
            update_name,
            args=args,
            wait_for=wait_for,
            wait_timeout_seconds=wait_timeout_seconds,
            request_id=request_id,
            **_added(raw=(raw, False)),
        )

    def _run(self) -> str:
        if not self.run_id:
            raise ValueError(f"the handle of workflow {self.workflow_id} has no run id")
        return self.run_id


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

    async def result(self, *, poll_interval: float = 0.5, timeout: float = 30.0) -> Any:
        """Wait for the decoded result. See `Client.get_activity_result`."""
        return await self._client.get_activity_result(
            self, poll_interval=poll_interval, timeout=timeout
        )

    async def cancel(self, *, reason: str | None = None) -> None:
        """Cancel the activity, through the workflow that hosts it."""
        await self._client.cancel_workflow(self.activity_id, reason=reason)


class ScheduleHandle:
    """A schedule.

    Attributes:
        schedule_id: Its id.
    """

    def __init__(self, client: "durable_workflow.Client", schedule_id: str) -> None:
        self._client = client
        self.schedule_id = schedule_id

    def __repr__(self) -> str:
        return f"ScheduleHandle(schedule_id={self.schedule_id!r})"

    async def describe(self) -> ScheduleDescription:
        """Describe the schedule. See `Client.describe_schedule`."""
        return await self._client.describe_schedule(self.schedule_id)

    async def update(
        self,
        *,
        spec: ScheduleSpec | None = None,
        action: ScheduleAction | None = None,
        overlap_policy: str | None = None,
        jitter_seconds: int | None = None,
        max_runs: int | None = None,
        memo: dict[str, Any] | None = None,
        search_attributes: dict[str, Any] | None = None,
        note: str | None = None,
    ) -> None:
        """Change the schedule. See `Client.update_schedule`."""
        await self._client.update_schedule(
            self.schedule_id,
            spec=spec,
            action=action,
            overlap_policy=overlap_policy,
            jitter_seconds=jitter_seconds,
            max_runs=max_runs,
            memo=memo,
            search_attributes=search_attributes,
            note=note,
        )

    async def pause(self, *, note: str | None = None) -> None:
        """Stop it from firing. See `Client.pause_schedule`."""
        await self._client.pause_schedule(self.schedule_id, note=note)

    async def resume(self, *, note: str | None = None) -> None:
        """Let it fire again. See `Client.resume_schedule`."""
        await self._client.resume_schedule(self.schedule_id, note=note)

    async def trigger(self, *, overlap_policy: str | None = None) -> ScheduleTriggerResult:
        """Fire it once, now. See `Client.trigger_schedule`."""
        return await self._client.trigger_schedule(self.schedule_id, overlap_policy=overlap_policy)

    async def delete(self) -> None:
        """Delete it. See `Client.delete_schedule`."""
        await self._client.delete_schedule(self.schedule_id)

    async def backfill(
        self, *, start_time: str, end_time: str, overlap_policy: str | None = None
    ) -> ScheduleBackfillResult:
        """Start the workflows of a time span. See `Client.backfill_schedule`."""
        return await self._client.backfill_schedule(
            self.schedule_id,
            start_time=start_time,
            end_time=end_time,
            overlap_policy=overlap_policy,
        )

    async def history(
        self, *, limit: int | None = None, after_sequence: int | None = None
    ) -> ScheduleHistoryPage:
        """Read one page of its history. See `Client.get_schedule_history`."""
        return await self._client.get_schedule_history(
            self.schedule_id, limit=limit, after_sequence=after_sequence
        )

    def iter_history(
        self, *, limit: int | None = None, after_sequence: int | None = None
    ) -> AsyncIterator[ScheduleHistoryEvent]:
        """Iterate over its history. See `Client.iter_schedule_history`."""
        return self._client.iter_schedule_history(
            self.schedule_id, limit=limit, after_sequence=after_sequence
        )


def _added(**arguments: tuple[Any, Any]) -> dict[str, Any]:
    """Arguments that published clients do not have, with their defaults: passed on only if given.

    Classes that were written against those clients, to extend them or to stand in for them, do not
    know these names.
    """
    return {name: given for name, (given, default) in arguments.items() if given != default}
