"""Methods about workflows: start them, look at them, end them."""

from collections.abc import AsyncIterator
from typing import Any

from durable_workflow._wire.json_values import JsonObject, present, text
from durable_workflow.client._arguments import WholeSeconds
from durable_workflow.client._call import Call, json_object, nothing, reading
from durable_workflow.client._handles import WorkflowHandle
from durable_workflow.client._keys import new_key
from durable_workflow.client._results.workflows import (
    WorkflowCommandResult,
    WorkflowExecution,
    WorkflowList,
    described_execution,
    workflow_list,
)
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session
from durable_workflow.client._starting import start_call


class WorkflowMethods(Session):
    """Start workflows, look at them, and end them."""

    async def start_workflow(
        self,
        *,
        workflow_type: str,
        task_queue: str,
        workflow_id: str | None = None,
        input: list[Any] | None = None,
        business_key: str | None = None,
        execution_timeout_seconds: WholeSeconds | None = None,
        run_timeout_seconds: WholeSeconds | None = None,
        duplicate_policy: str | None = None,
        memo: dict[str, Any] | None = None,
        search_attributes: dict[str, Any] | None = None,
        priority: int | None = None,
        fairness_key: str | None = None,
        fairness_weight: int | None = None,
    ) -> WorkflowHandle:
        """Start a workflow.

        Args:
            workflow_type: Its type.
            task_queue: The queue whose workers run it.
            workflow_id: Its id; None lets the server choose. With an id a start that is repeated
                after a torn connection starts nothing twice.
            input: Its positional arguments; None is no arguments.
            business_key: A key of the application's, by which lists find it.
            execution_timeout_seconds: Limit for the whole execution, a whole number or a
                timedelta; None is no limit.
            run_timeout_seconds: Limit for each run; None is no limit.
            duplicate_policy: What a taken id means: `fail` (the default, also `reject`) raises,
                `use-existing` (also `use_existing`) returns the workflow that has it, `allow`
                starts another run once that one is closed, `terminate_existing` ends it first.
            memo: Describes it, and is written in its plain form.
            search_attributes: Values by which lists find it.
            priority: 0 to 9, lower first; None is the server's 5.
            fairness_key: Class among which the queue shares its workers.
            fairness_weight: Share of that class, 1 to 1000.

        Returns:
            A handle with the ids that the server gave.

        Raises:
            WorkflowAlreadyStarted: The id is taken, and the policy refuses another start.
            InvalidArgument: The server refuses an argument.
            TypeError: An argument is of a wrong type; `input` is a list of arguments.
        """
        started = await self._send(
            await start_call(
                self._payloads,
                self.namespace,
                workflow_type=workflow_type,
                task_queue=task_queue,
                workflow_id=workflow_id,
                input=input,
                business_key=business_key,
                execution_timeout_seconds=execution_timeout_seconds,
                run_timeout_seconds=run_timeout_seconds,
                duplicate_policy=duplicate_policy,
                memo=memo,
                search_attributes=search_attributes,
                priority=priority,
                fairness_key=fairness_key,
                fairness_weight=fairness_weight,
            )
        )
        return WorkflowHandle(
            self._as_client,
            text(started.get("workflow_id"), workflow_id),
            started.get("run_id"),
            text(started.get("workflow_type"), workflow_type),
        )

    def get_workflow_handle(
        self, workflow_id: str, run_id: str | None = None, workflow_type: str = ""
    ) -> WorkflowHandle:
        """Make a handle for a workflow by its id. Sends nothing, and does not check the id.

        Args:
            workflow_id: Its id.
            run_id: The run that its result and history are about; None is the newest.
            workflow_type: Its type.
        """
        return WorkflowHandle(self._as_client, workflow_id, run_id, workflow_type)

    async def describe_workflow(self, workflow_id: str) -> WorkflowExecution:
        """Describe the newest run of a workflow, with its decoded input and output.

        Args:
            workflow_id: Its id.

        Raises:
            WorkflowNotFound: There is none of that id.
            ValueError: A payload cannot be decoded, or stands in external storage that this
                client has no driver for.
        """
        data = await self._send(
            Call("GET", Route.WORKFLOW, json_object, path={"workflow_id": workflow_id})
        )
        execution = described_execution(data, workflow_id)
        envelopes = {
            side: data[f"{side}_envelope"]
            for side in ("input", "output")
            if data.get(f"{side}_envelope")
        }
        if envelopes:
            values = await self._payloads.decode(list(envelopes.values()), execution.payload_codec)
            for side, value in zip(envelopes, values, strict=True):
                setattr(execution, side, value)
        return execution

    async def list_workflows(
        self,
        *,
        workflow_type: str | None = None,
        status: str | None = None,
        query: str | None = None,
        page_size: int | None = None,
        next_page_token: str | None = None,
    ) -> WorkflowList:
        """List runs, newest first, one page.

        Args:
            workflow_type: Only those of this type.
            status: Only those that are `running`, `completed` or `failed`.
            query: A filter over system fields and search attributes, as
                `CustomerTier = "gold" AND StartTime > "2026-01-01"`, or a text to find in ids.
            page_size: Most rows of the page.
            next_page_token: Token that the page before came with.

        Raises:
            InvalidArgument: The filter is malformed.
        """
        return await self._send(
            Call(
                "GET",
                Route.WORKFLOWS,
                reading(lambda data: workflow_list(data, self.namespace)),
                query={
                    "workflow_type": workflow_type,
                    "status": status,
                    "query": query,
                    "page_size": page_size,
                    "next_page_token": next_page_token,
                },
            )
        )

    async def iter_workflows(
        self,
        *,
        workflow_type: str | None = None,
        status: str | None = None,
        query: str | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[WorkflowExecution]:
        """Iterate over runs, newest first, page by page.

        Args:
            workflow_type: Only those of this type.
            status: Only those that are `running`, `completed` or `failed`.
            query: A filter; see `list_workflows`.
            page_size: Most rows of a page.

        Yields:
            The runs.

        Raises:
            InvalidArgument: The filter is malformed.
        """
        token: str | None = None
        while True:
            page = await self.list_workflows(
                workflow_type=workflow_type,
                status=status,
                query=query,
                page_size=page_size,
                next_page_token=token,
            )
            for execution in page.executions:
                yield execution
            # A server that repeats the token would give the same page for ever.
            if page.next_page_token in (None, token):
                return
            token = page.next_page_token

    async def cancel_workflow(self, workflow_id: str, reason: str | None = None) -> None:
        """Cancel the newest run of a workflow.

        Args:
            workflow_id: Its id.
            reason: Why. Callers that wait for the result get it with the error.

        Raises:
            WorkflowNotFound: There is none of that id.
            ServerError: It is already closed (409, reason `run_not_active`).
        """
        await self._close(Route.WORKFLOW_CANCEL, workflow_id, reason)

    async def terminate_workflow(self, workflow_id: str, reason: str | None = None) -> None:
        """End the newest run of a workflow at once. Its code does not run again.

        Args:
            workflow_id: Its id.
            reason: Why. Callers that wait for the result get it with the error.

        Raises:
            WorkflowNotFound: There is none of that id.
            ServerError: It is already closed (409, reason `run_not_active`).
        """
        await self._close(Route.WORKFLOW_TERMINATE, workflow_id, reason)

    async def repair_workflow(self, workflow_id: str) -> WorkflowCommandResult:
        """Give an open run the workflow task that it needs to go on, if that is missing.

        Args:
            workflow_id: Its id.

        Raises:
            WorkflowNotFound: There is none of that id.
            ServerError: It is closed (409, reason `run_not_active`).
        """
        return await self._command(Route.WORKFLOW_REPAIR, workflow_id, {})

    async def archive_workflow(
        self, workflow_id: str, reason: str | None = None
    ) -> WorkflowCommandResult:
        """Exempt a closed run from the retention of its namespace.

        Args:
            workflow_id: Its id.
            reason: Why, for people.

        Raises:
            WorkflowNotFound: There is none of that id.
            ServerError: It is still open (409, reason `run_not_closed`).
        """
        body = present(reason=reason)
        return await self._command(Route.WORKFLOW_ARCHIVE, workflow_id, body)

    async def _close(self, route: Route, workflow_id: str, reason: str | None) -> None:
        body = present(reason=reason)
        await self._send(
            Call(
                "POST",
                route,
                nothing,
                path={"workflow_id": workflow_id},
                body=body,
                # Without it an attempt whose predecessor's answer was lost would be told that the
                # run is not active.
                headers=new_key(),
            )
        )

    async def _command(
        self, route: Route, workflow_id: str, body: JsonObject
    ) -> WorkflowCommandResult:
        reader = reading(
            lambda data: WorkflowCommandResult.from_dict(data, workflow_id=workflow_id)
        )
        return await self._send(
            Call(
                "POST",
                route,
                reader,
                path={"workflow_id": workflow_id},
                body=body,
                headers=new_key(),
            )
        )
