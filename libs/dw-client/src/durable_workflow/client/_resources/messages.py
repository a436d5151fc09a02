"""Methods that talk to a running workflow: signals, queries, updates."""

import math
import time
from typing import Any, Final, overload
from uuid import uuid4

from durable_workflow._conversion import reading_results
from durable_workflow._wire.json_values import object_or_empty, present
from durable_workflow.client._arguments import Result, WholeSeconds, optional, whole_seconds
from durable_workflow.client._away import until_back
from durable_workflow.client._call import Call, nothing, present_document
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session

# Seconds that servers wait for the completion of an update by default.
_UPDATE_WAIT_SECONDS: Final = 10


class MessageMethods(Session):
    """Signals, queries and updates of the newest run of a workflow."""

    async def signal_workflow(
        self,
        workflow_id: str,
        signal_name: str,
        args: list[Any] | None = None,
        *,
        request_id: str | None = None,
    ) -> None:
        """Send a signal. When this returns, the server has recorded it.

        Args:
            workflow_id: Id of the workflow.
            signal_name: The signal.
            args: Its positional arguments.
            request_id: Recorded with the signal. A call whose response is lost is sent again under
                the same id; not every server drops the second one. None makes an id for this call.

        Raises:
            WorkflowNotFound: There is none of that id.
            SignalFailed: The run is closed; or the server knows the workflow's signals, and this
                is none or takes other arguments. It does not know those of Python's workflows: a
                name that no handler has is accepted, the worker logs it, and `debug_workflow`
                shows it.
        """
        envelope = await self._payloads.encode_arguments(
            args, self._payload_context("signal", workflow_id=workflow_id, signal_name=signal_name)
        )
        await self._send(
            Call(
                "POST",
                Route.WORKFLOW_SIGNAL,
                nothing,
                path={"workflow_id": workflow_id, "name": signal_name},
                body=present(input=envelope, request_id=request_id or _request_id("signal")),
            )
        )

    @overload
    async def query_workflow(
        self,
        workflow_id: str,
        query_name: str,
        args: list[Any] | None = None,
        *,
        result_type: type[Result],
    ) -> Result: ...
    @overload
    async def query_workflow(
        self,
        workflow_id: str,
        query_name: str,
        args: list[Any] | None = None,
        *,
        raw: bool = False,
        result_type: Any = None,
    ) -> Any: ...
    async def query_workflow(
        self,
        workflow_id: str,
        query_name: str,
        args: list[Any] | None = None,
        *,
        raw: bool = False,
        result_type: Any = None,
    ) -> Any:
        """Send a query. Nothing is recorded.

        Args:
            workflow_id: Id of the workflow.
            query_name: The query.
            args: Its positional arguments.
            raw: Return the whole response document.
            result_type: The type of the result, as for `get_result`. Not with `raw`.

        Returns:
            The decoded result.

        Raises:
            WorkflowNotFound: There is none of that id.
            QueryFailed: The handler failed, there is none, or no worker answered.
            ArgumentMismatch: The result does not fit `result_type`.
        """
        read = reading_results(result_type)
        envelope = await self._payloads.encode_arguments(
            args, self._payload_context("query", workflow_id=workflow_id, query_name=query_name)
        )
        body = await self._send(
            Call(
                "POST",
                Route.WORKFLOW_QUERY,
                present_document,
                path={"workflow_id": workflow_id, "name": query_name},
                body=present(input=envelope),
            )
        )
        return body if raw else read(await self._result(body))

    async def update_workflow(
        self,
        workflow_id: str,
        update_name: str,
        args: list[Any] | None = None,
        *,
        wait_for: str | None = None,
        wait_timeout_seconds: WholeSeconds | None = None,
        request_id: str | None = None,
        raw: bool = False,
        result_type: Any = None,
    ) -> Any:
        """Send an update, and wait for its result unless told otherwise.

        Args:
            workflow_id: Id of the workflow.
            update_name: The update.
            args: Its positional arguments.
            wait_for: `completed`, which None means too, or `accepted`.
            wait_timeout_seconds: Seconds that the server waits for the completion; a server that
                cannot be reached is retried as long. None is the server's default.
            request_id: Under the same id the server accepts the update once. None makes an id for
                this call.
            raw: Return the whole response document.
            result_type: The type of the result, as for `get_result`. Not with `raw`.

        Returns:
            The decoded result; None for an update that was only accepted, or whose wait ended
            first.

        Raises:
            WorkflowNotFound: There is none of that id.
            UpdateRejected: The workflow's validator refused it.
            InvalidArgument: Its arguments were refused, or its handler failed.
            ArgumentMismatch: The result does not fit `result_type`.
        """
        read = reading_results(result_type)
        envelope = await self._payloads.encode_arguments(
            args, self._payload_context("update", workflow_id=workflow_id, update_name=update_name)
        )
        request_id = request_id or _request_id("update")
        limit = optional(whole_seconds, "wait_timeout_seconds", wait_timeout_seconds)
        # Servers that are told nothing do not wait.
        wait_for = "completed" if wait_for is None else wait_for
        deadline = time.monotonic()
        held: int | None = None
        if wait_for == "completed":
            held = limit or _UPDATE_WAIT_SECONDS
            deadline += held

        async def send() -> Any:
            seconds = limit
            if seconds is not None and wait_for == "completed":
                seconds = max(1, min(seconds, math.ceil(deadline - time.monotonic())))
            return await self._send(
                Call(
                    "POST",
                    Route.WORKFLOW_UPDATE,
                    present_document,
                    path={"workflow_id": workflow_id, "name": update_name},
                    body=present(
                        input=envelope,
                        wait_for=wait_for,
                        wait_timeout_seconds=seconds,
                        request_id=request_id,
                    ),
                    timeout=self._outlasting(held),
                )
            )

        # Repeating is safe: by the request id the server finds the update, and waits for it again.
        body = await until_back(send, deadline=deadline, gives_up_in_time=False)
        if raw:
            return body
        result = await self._result(body)
        # None of an update that has no result yet is of no type.
        return result if result is None else read(result)

    async def _result(self, body: Any) -> Any:
        """The decoded result in a response document."""
        document = object_or_empty(body)
        if document.get("result_envelope"):
            [value] = await self._payloads.decode([document["result_envelope"]])
            return value
        return document.get("result")


def _request_id(kind: str) -> str:
    return f"sdk-python-{kind}-{uuid4().hex}"
